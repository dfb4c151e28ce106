"""Which event first wrote a line."""
