"""Objects that git may drop just after they were written.

`git gc --prune=now` drops what nothing led to when it looked, however new that is. A ref that is moved to such an
object a moment later leads nowhere, and from then on git refuses to collect garbage at all. So who has moved a ref
while garbage was collected, or may have been, keeps what it leads to in a pack that gc must leave alone, as `git fetch`
does with what it brings; or learns here that some of it is gone already. (`git prune` by hand leaves no sign, and is
as dangerous to git itself.)

Standard library only: a recorded command waits for this.
"""

import os
import time

from gittrace.errors import GitFailed, ObjectsDropped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gittrace.git.repository import Repository

Signs = tuple[int, bool]
_GC_PID = "gc.pid"
# git takes an older one for a leftover
_GC_HOURS = 12
_PACKINGS = 3
_DROPPED = ("with nonexistent object", "is missing commits", "reference broken")
# no fetching of what a partial clone has only been promised
_PROMISED = "--missing=allow-promisor"


def signs(common_dir: str) -> Signs:
    """Return when packs last came or went (ns), and whether garbage is being collected."""
    try:
        packed = os.stat(os.path.join(common_dir, "objects", "pack")).st_mtime_ns
    except OSError:
        packed = 0
    return packed, is_collecting(common_dir)


def is_collecting(common_dir: str) -> bool:
    """Tell whether a `git gc` is at work here, as git itself tells: by its pid and host in `gc.pid`."""
    path = os.path.join(common_dir, _GC_PID)
    try:
        if time.time() - os.stat(path).st_mtime > _GC_HOURS * 3600:
            return False
        with open(path, encoding="utf-8", errors="replace") as file:
            pid, _, host = file.read().partition(" ")
        if host == os.uname().nodename:
            os.kill(int(pid), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except (OSError, ValueError):
        return True  # of another user; or it is being written
    return True


def is_whole(repo: "Repository", *new: str, old: str = "") -> bool:
    """Tell whether all objects are here that `new` lead to, and `old` (if not empty) doesn't."""
    asked = "".join(f"{oid}\n" for oid in (*new, *([f"^{old}"] if old else [])))
    try:
        repo.git("rev-list", "--objects", "--quiet", _PROMISED, "--stdin", stdin=asked.encode())
        # of those that are asked for git 2.45 and later pass over one that is missing
        asked = "".join(f"{oid}\n" for oid in new)
        found = repo.git("cat-file", "--batch-check", stdin=asked.encode(), env={"GIT_NO_LAZY_FETCH": "1"})
    except GitFailed:
        return False
    return b" missing\n" not in found


def is_dropped(error: GitFailed) -> bool:
    """Tell whether git could not move a ref because what it led to, or was to lead to, is gone."""
    said = str(error)
    return isinstance(error, ObjectsDropped) or any(words in said for words in _DROPPED)


def move(
    repo: "Repository", ref: str, new: str, old: str, since: "Signs | None", options: "tuple[str, ...]" = ()
) -> None:
    """Move a ref from `old` (empty where it is new) to `new`, and see to it that all that it leads to stays here.

    `since`: the signs before the first of the objects was written; None where they tell nothing, since packs came by
    ourselves. `options` are those of `git update-ref`.
    Raises ObjectsDropped when objects are gone; the ref is where it was then. Raises GitFailed.
    """
    is_held = _may_collect(repo, since)
    keep = _hold(repo, new, old) if is_held else ""
    try:
        repo.git("update-ref", *options, ref, new, old or repo.zero)
    finally:
        _release(keep)
    if is_held:
        return
    # what a gc took that began meanwhile
    try:
        if _may_collect(repo, since):
            _release(_hold(repo, new, old))
        elif since is None and not is_whole(repo, new, old=old):
            raise ObjectsDropped(f"cannot move '{ref}': a gc ran meanwhile, and took objects to which it would lead")
    except ObjectsDropped:
        repo.git("update-ref", *((ref, old, new) if old else ("-d", ref, new)))
        raise


def _may_collect(repo: "Repository", since: "Signs | None") -> bool:
    return is_collecting(repo.common_dir) or (since is not None and signs(repo.common_dir) != since)


def _hold(repo: "Repository", new: str, old: str) -> str:
    """Put what `new` leads to, and neither `old` nor HEAD, into a pack that gc passes over.

    Return the path of its `.keep`; nothing where nothing is to be kept. Raises ObjectsDropped.
    """
    head = repo.git("rev-parse", "-q", "--verify", "HEAD^{commit}", ok=(0, 1)).decode().strip()
    asked = "".join(f"{oid}\n" for oid in (new, "--not", old, head) if oid).encode()
    folder = os.path.join(repo.common_dir, "objects", "pack")
    # git takes it for no pack, and leaves it alone
    base = os.path.join(folder, f"gittrace-{os.getpid()}", "pack")
    os.makedirs(os.path.dirname(base), exist_ok=True)
    try:
        name = _packed(repo, base, asked)
        return _install(f"{base}-{name}", os.path.join(folder, f"pack-{name}")) if name else ""
    finally:
        for left in os.listdir(os.path.dirname(base)):
            os.unlink(os.path.join(os.path.dirname(base), left))
        os.rmdir(os.path.dirname(base))


def _release(keep: str) -> None:
    if keep:
        os.unlink(keep)


def _packed(repo: "Repository", base: str, asked: bytes) -> str:
    """Return the name of a pack of what is asked for; nothing where that is nothing."""
    # not --incremental: what is in a pack may be dropped with it
    pack = ("pack-objects", "-q", "--revs", "--non-empty", _PROMISED, base)
    failed = ""
    for _ in range(_PACKINGS):
        try:
            return repo.git(*pack, stdin=asked).decode().strip()
        except GitFailed as error:
            # once more, because gc drops the temporary files of packs too
            failed = str(error)
    raise ObjectsDropped(f"cannot keep '{asked.split()[0].decode()}': {failed}")


def _install(made: str, pack: str) -> str:
    """Put a pack in its place, with a `.keep` beside it, and return the path of that: gc passes over it when it looks.

    Who looks later, when the `.keep` is gone, finds the ref.
    """
    with open(f"{pack}.keep", "w", encoding="ascii") as file:
        file.write(f"gittrace {os.getpid()}\n")
    # the index last: git finds a pack by it
    for suffix in (".pack", ".rev", ".idx"):
        if os.path.exists(made + suffix):
            os.rename(made + suffix, pack + suffix)
    return f"{pack}.keep"


def leftovers(repo: "Repository") -> list[str]:
    """Return the paths of what a killed process left that was keeping objects. Raises OSError."""
    folder = os.path.join(repo.common_dir, "objects", "pack")
    found = []
    # git makes the folder again when it needs it
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name)
        if name.endswith(".keep"):
            with open(path, encoding="utf-8", errors="replace") as file:
                word, _, pid = file.readline().strip().partition(" ")
            if word == "gittrace" and not _is_alive(pid):
                found.append(path)
        elif name.startswith("gittrace-") and not _is_alive(name.partition("-")[2]):
            found.append(path)
    return found


def drop_leftovers(repo: "Repository") -> list[str]:
    """Remove what a killed process left that was keeping objects, and return it. Raises OSError."""
    found = leftovers(repo)
    for path in found:
        if path.endswith(".keep"):
            os.unlink(path)
            continue
        for left in os.listdir(path):
            os.unlink(os.path.join(path, left))
        os.rmdir(path)
    return found


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True


def mend(repo: "Repository", ref: str, former: "Iterable[str]") -> str:
    """Move a ref that leads to nothing to the first of the oids `former` all of whose objects are here, else delete it.

    Return what was done, which is in the log too; nothing where the ref is sound, or there is none.
    Raises GitFailed, OSError.
    """
    torn = _remove_torn(repo, ref)
    lost = repo.git("rev-parse", "-q", "--verify", ref, ok=(0, 1)).decode().strip()
    if lost and is_whole(repo, lost):
        found = lost if torn else ""
        if not found:
            return ""
    elif not lost and not torn:
        return ""
    else:
        found = next((oid for oid in former if oid != lost and is_whole(repo, oid)), "")
        if found:
            repo.git("update-ref", "-m", "mended by 'git trace'", ref, found, lost or repo.zero)
        elif lost:
            repo.git("update-ref", "-d", ref)
    from gittrace.journal.faillog import log_failures

    why = f"led to '{lost}', of which objects are missing" if lost else "could not be read"
    said = f"'{ref}' {why}; " + (f"it is back at '{found}'" if found else "it was removed")
    log_failures(repo.common_trace_dir, "mend", [said])
    return said


def drop_stale(repo: "Repository", ref: str) -> None:
    """Drop the entries of a ref's reflog that lead to what is gone: to `git fsck` they are damage."""
    try:
        repo.git("reflog", "expire", "--stale-fix", "--expire=never", "--expire-unreachable=never", ref)
    except GitFailed:
        # it has none; or another ref leads to nothing, and then git can't tell what is stale
        return


def _remove_torn(repo: "Repository", ref: str) -> bool:
    """Remove the file of a ref that a crash of the machine left empty: git neither reads nor replaces it."""
    path = os.path.join(repo.common_dir, ref)
    try:
        with open(path, "rb") as file:
            text = file.read(100).strip()
    except OSError:
        return False
    if text.startswith(b"ref: ") or (len(text) == len(repo.zero) and not text.strip(b"0123456789abcdef")):
        return False
    os.unlink(path)
    return True
