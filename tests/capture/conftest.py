"""Fixtures of the capture tests."""

from tests.capture.harness import recording

__all__ = ["recording"]
