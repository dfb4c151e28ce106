"""What gittrace costs: `python -m tests.perf`."""
