"""Fixtures of the tests of the recording core."""

from tests.support.recording import make_work, work

__all__ = ["make_work", "work"]
