"""What the events of a trace produced: files and lines, read from its diffs."""
