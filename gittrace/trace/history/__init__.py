"""What became of the work, derived from the repository's history."""
