"""Sessions, and the commits made in them, on their way into the journal."""
