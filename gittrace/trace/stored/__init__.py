"""Traces as they are stored: found, named, read and proved."""
