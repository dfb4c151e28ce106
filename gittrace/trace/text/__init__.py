"""Lines of text: what they are known by, and which of one text are those of another. Pure."""
