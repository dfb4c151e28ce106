"""Keyrings of all moods, in memory."""

import os
import threading

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class Memory(KeyringBackend):
    """A keyring that works, for as long as it lives."""

    priority = 0  # never chosen by itself

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


class InFile(KeyringBackend):
    """A keyring that outlives its process."""

    priority = 0

    def __init__(self, path: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path = path

    def get_password(self, service: str, username: str) -> str | None:
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read() or None
        except FileNotFoundError:
            return None

    def set_password(self, service: str, username: str, password: str) -> None:
        with open(f"{self.path}.new", "w", encoding="utf-8") as file:
            file.write(password)
        os.rename(f"{self.path}.new", self.path)


class Locked(Memory):
    """A keyring that wants to be unlocked."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("locked")


class Forgetful(Memory):
    """A keyring that takes a password and has none afterwards."""

    def set_password(self, service: str, username: str, password: str) -> None:
        return


class Stuck(Memory):
    """A keyring whose daemon does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.released.wait(30)
        return None


class Asking(Memory):
    """A keyring that would ask the user for a password."""

    def get_password(self, service: str, username: str) -> str | None:
        self.kept["asked", "user"] = "yes"
        return super().get_password(service, username)
