"""Publish what was recorded along with branches, and fetch what others published."""
