"""Objects read through libgit2."""

import os
from typing import Any

from gittrace.errors import Damaged
from gittrace.git.libgit2 import load, read_unhashed
from gittrace.git.objects import BaseStore
from gittrace.git.repository import Repository

_libgit2: Any = load()

_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}


class Pygit2Objects(BaseStore):
    """An object directory and its alternates. It has no refs, configuration or owner for libgit2 to stumble over."""

    def __init__(self, repo: Repository) -> None:
        super().__init__(repo.format)
        self._odb = _libgit2.Odb(os.path.join(repo.common_dir, "objects"))

        # older versions of pygit2 have no way to read a header alone
        self._read_header = getattr(self._odb, "read_header", None)

    def _load(self, oid: str) -> tuple[str, bytes] | None:
        try:
            kind, content = self._odb.read(oid)
        except KeyError:
            return None
        except _libgit2.GitError as error:
            raise Damaged(f"cannot read object '{oid}': {error}") from None
        return _KINDS[int(kind)], content

    def _header(self, oid: str) -> tuple[str, int] | None:
        if self._read_header is None:
            found = self._load(oid)
            return (found[0], len(found[1])) if found else None
        try:
            kind, size = self._read_header(oid)
        except KeyError:
            return None
        except _libgit2.GitError as error:
            raise Damaged(f"cannot read object '{oid}': {error}") from None
        return _KINDS[int(kind)], size

    def trust(self) -> None:
        """See ObjectStore."""
        read_unhashed(_libgit2)

    def close(self) -> None:
        """Let go of its packs."""
        self._odb = _libgit2.Odb()
        self._read_header = None
