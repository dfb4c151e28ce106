"""What signatures are worth, remembered: `<common-dir>/trace/cache/signatures.sqlite`, which may be deleted any time.

To check one takes a process, or three. A verdict is remembered by all that it depends on: the bytes that are signed,
the signature, when it is said to be made, and the configuration with what is in the files that it names
(`Signing.ground`). Nothing that was fetched can put one there.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple

from gittrace.git.signature import Result, Signing, Verdict
from gittrace.trace.small_cache import open_small, put

_SCHEMA = """
create table if not exists checked
(format text, ground text, what text, verdict text not null, primary key (format, ground, what))
"""


class Verdicts:
    """Checks signatures, each once while what it depends on stays the same."""

    def __init__(self, signing: Signing) -> None:
        self._signing = signing
        self._db = open_small(signing.repo, "signatures.sqlite", _SCHEMA)
        self._grounds: dict[str, str] = {}
        self._new: dict[tuple[str, str, str], Verdict] = {}

    def check(self, format_: str, data: bytes, signature: bytes, at: int) -> Verdict:
        """Return what is to be said of a signature, as `Signing.check` does."""
        ground = self._ground(format_)
        if not ground:
            return self._signing.check(format_, data, signature, at)
        what = hashlib.sha256(json.dumps([data.hex(), signature.hex(), at]).encode()).hexdigest()
        name = (format_, ground, what)
        query = "select verdict from checked where format = ? and ground = ? and what = ?"
        if row := self._db.execute(query, name).fetchone():
            letter, *rest = json.loads(row[0])
            return Verdict(Result(letter), *rest)
        verdict = self._signing.check(format_, data, signature, at)
        # a program may also have failed for another reason, which is over by the next time
        if verdict.letter not in (Result.UNCHECKED, Result.BAD):
            self._new[name] = verdict
        return verdict

    def close(self) -> None:
        """Keep what was found, in place of what was found on other grounds, and let go of the cache."""
        # a keyring may have changed by being asked, or by somebody while it was
        rows = [(*name, json.dumps(astuple(found))) for name, found in self._new.items() if self._holds(name)]
        if rows:
            old = {(format_, ground) for format_, ground, *_ in rows}
            put(
                self._db,
                [
                    ("delete from checked where format = ? and ground != ?", old),
                    ("insert or replace into checked values (?, ?, ?, ?)", rows),
                ],
            )
        self._db.close()

    def _ground(self, format_: str) -> str:
        if format_ not in self._grounds:
            self._grounds[format_] = _hashed(self._signing.ground(format_))
        return self._grounds[format_]

    def _holds(self, name: tuple[str, str, str]) -> bool:
        return _hashed(self._signing.ground(name[0])) == name[1]


def _hashed(ground: Mapping[str, object] | None) -> str:
    return hashlib.sha256(json.dumps(ground, sort_keys=True).encode()).hexdigest() if ground else ""
