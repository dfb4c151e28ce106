"""Remotes: which of them traces go to, and what is known to be there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from gittrace.errors import BadConfig, NotFound, TraceError
from gittrace.git.repository import Repository
from gittrace.vocabulary import REMOTE_NOTES_REFS, SHARED_NOTES_REFS

#: `remote.<name>.trace`: the name, so that a renamed remote is known
MARK = "trace"
_BRANCHES = "refs/heads/"
_TRACKING = "refs/remotes/"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")


class NotInitialized(TraceError):
    """The repository has no writer's id."""


def quoted(remote: str) -> str:
    """Return a remote's name as one part of a ref's or file's name: `a/b` is `a%2Fb`.

    As it stands the mirror of `a/b` would lie within that of `a`, and pruning one would take the other.
    """
    # as urllib.parse.quote has it, which takes as long to load as git to start
    name = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(remote))
    if name.startswith((".", "-")) or name.endswith((".", ".lock")) or ".." in name:
        name = name.replace(".", "%2E").replace("-", "%2D")
    return name


def mirror(remote: str, writer: str = "") -> str:
    """Return the ref that mirrors what a writer published at a remote; without a writer, the folder of all."""
    return f"{REMOTE_NOTES_REFS}{quoted(remote)}/{writer}"


def notes_refspec(remote: str) -> str:
    """Return what to fetch from a remote to have all that was published there."""
    return f"+{SHARED_NOTES_REFS}*:{mirror(remote)}*"


def writer_of(repo: Repository) -> str:
    """Return this clone's id as a writer. Raises NotInitialized."""
    writer = str(repo.config("trace.writer"))
    if not writer:
        raise NotInitialized("recording is not set up in this repository", "'git trace init' sets it up")
    return writer


@dataclass(frozen=True)
class Target:
    """What is pushed to `remote` has its traces go to `to`, which mostly is the same."""

    remote: str
    to: str


class Remotes:
    """The remotes of a repository, as they are configured."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo

    @cached_property
    def _values(self) -> dict[str, dict[str, list[str]]]:
        """Remote -> key -> values."""
        found = self.repo.remotes()
        return {remote: values for remote, values in found.items() if "url" in values or "pushurl" in values}

    def _has(self, name: str) -> bool:
        if name not in self._values:
            # it may have been added since the configuration was read
            self.repo.forget_config()
            del self._values
        return name in self._values

    @property
    def names(self) -> list[str]:
        """The names of all remotes."""
        return sorted(self._values)

    @property
    def renamed(self) -> dict[str, str]:
        """The remotes that were renamed since they were chosen: name -> the name of then."""
        marks = {remote: values[MARK][-1] for remote, values in self._values.items() if values.get(MARK)}
        return {remote: before for remote, before in marks.items() if before != remote}

    def need(self, name: str) -> str:
        """Return the name of a remote. Raises NotFound."""
        if not self._has(name):
            known = ", ".join(f"'{remote}'" for remote in self.names)
            raise NotFound(
                f"'{name}' is not a remote of this repository",
                f"there is {known}" if known else "'git remote add' makes one",
            )
        return name

    @property
    def enabled(self) -> bool:
        """Whether pushes publish: `trace.push` is `auto`, and a remote was chosen. Raises BadConfig."""
        return self.repo.config("trace.push") == "auto" and bool(self.repo.config_values("trace.remote"))

    @property
    def targets(self) -> list[Target]:
        """Where traces go, whether or not `trace.push` is on."""
        chosen = dict.fromkeys(name for name in self.repo.config_values("trace.remote") if name)
        return [self.target(name) for name in chosen]

    def target(self, remote: str) -> Target:
        """Return where the traces of what is pushed to a remote go."""
        values = self.repo.config_values(f"trace.{remote}.to")
        return Target(remote, values[-1] if values and values[-1] else remote)

    def check(self, target: Target) -> None:
        """Raise BadConfig when a remote that traces are to go to does not exist."""
        for name, key in ((target.remote, "trace.remote"), (target.to, f"trace.{target.remote}.to")):
            if not self._has(name):
                raise BadConfig(
                    f"bad value '{name}' for '{key}': there is no such remote",
                    "'git remote' lists them; 'git trace init --share' chooses one",
                )

    def of_push(self, name: str, url: str) -> Target | None:
        """Return the chosen target of a push to a remote, or to one of its URLs; None where nothing is to be sent."""
        targets = self.targets
        for target in targets:
            if name == target.remote:
                return target
        if name != url:
            return None
        return next((target for target in targets if _same(url, self._urls(target.remote))), None)

    def pushed_to(self, remote: str) -> list[str]:
        """Return where a push to a remote goes: its name, or URLs that are for pushing only."""
        return self._urls(remote) if "pushurl" in self._values.get(remote, {}) else [remote]

    def _urls(self, remote: str) -> list[str]:
        if remote not in self._values:
            return []
        return os.fsdecode(self.repo.git("remote", "get-url", "--push", "--all", remote)).splitlines()

    def tracking(self, remote: str) -> Iterator[tuple[str, str]]:
        """Yield what `remote.<name>.fetch` makes of the branches there: (ref there, ref here), `*` for any name."""
        for refspec in self._values.get(remote, {}).get("fetch", ()):
            theirs, _, ours = refspec.removeprefix("+").partition(":")
            # a mirror's refs are its own branches too: what is there is not known from them
            if theirs.startswith(_BRANCHES) and ours.startswith(_TRACKING):
                yield theirs, ours


def _same(url: str, others: list[str]) -> bool:
    plain = url.rstrip("/").removesuffix(".git")
    return any(plain == other.rstrip("/").removesuffix(".git") for other in others)


def tracked_as(tracking: list[tuple[str, str]], ref: str) -> str | None:
    """Return the ref that shows here where a branch of a remote stands, None where there is none."""
    for theirs, ours in tracking:
        before, star, after = theirs.partition("*")
        if not star and ref == theirs:
            return ours
        if star and ref.startswith(before) and ref.endswith(after) and len(ref) >= len(before) + len(after):
            return ours.replace("*", ref[len(before) : len(ref) - len(after)], 1)
    return None
