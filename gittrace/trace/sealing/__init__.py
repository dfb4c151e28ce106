"""Journaled events become segments, in notes on the commits that they led to."""
