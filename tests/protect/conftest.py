"""What tests of redaction and identity share."""

import os
from pathlib import Path

import keyring.core
import pytest

from tests.support.recording import make_work, work

__all__ = ["make_work", "work"]


@pytest.fixture(autouse=True)
def _own_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have keyring choose anew, and forget the choice afterwards."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)


@pytest.fixture
def config() -> Path:
    """Where the key's file would be."""
    return Path(os.environ["XDG_CONFIG_HOME"]) / "gittrace"
