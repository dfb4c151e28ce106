"""Pack what recording left as loose objects, so that it never sets off the user's `gc --auto`.

git starts gc when it guesses more than `gc.auto` loose objects or finds more than `gc.autoPackLimit` packs. So what
hidden refs and notes reach is packed once the loose objects pass a quarter of that bound, and our own packs are
merged before they are many.
"""

import os

from gittrace.git.repository import Repository
from gittrace.text import decode
from gittrace.vocabulary import NOTES_REF, REMOTE_NOTES_REFS, TRACE_REFS

_PACKS_FILE = "packs"
_DEFAULT_AUTO = 6700
_MANY_PACKS = 8


def loose_objects(repo: Repository) -> int:
    """Return git's own guess at the number of loose objects: it counts one of 256 directories."""
    try:
        with os.scandir(os.path.join(repo.common_dir, "objects", "17")) as entries:
            return 256 * sum(1 for _ in entries)
    except FileNotFoundError:
        return 0


def _bound(repo: Repository) -> int:
    value = decode(repo.git("config", "--type=int", "--get", "gc.auto", ok=(0, 1))).strip()
    return int(value) if value else _DEFAULT_AUTO


def pack_if_due(repo: Repository) -> bool:
    """Pack when the loose objects come near git's bound. Return whether it packed."""
    loose = loose_objects(repo)
    if not loose:
        return False
    bound = _bound(repo)
    if bound <= 0 or loose < bound // 4:
        return False
    return pack(repo)


def pack(repo: Repository) -> bool:
    """Pack the loose objects that hidden refs and notes reach and branches don't. Return whether there were any."""
    refs = decode(repo.git("for-each-ref", "--format=%(objectname)", TRACE_REFS, NOTES_REF, REMOTE_NOTES_REFS)).split()
    if not refs:
        return False
    # the user's own objects stay as they are: packing them is the user's gc's work
    users = decode(
        repo.git("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/tags", "refs/remotes")
    ).split()
    users += decode(repo.git("rev-parse", "-q", "--verify", "HEAD", ok=(0, 1))).split()
    asked = "".join(f"{oid}\n" for oid in (*refs, "--not", *dict.fromkeys(users)))
    base = os.path.join(repo.common_dir, "objects", "pack", "pack")
    name = _pack_objects(repo, base, asked)
    if not name:
        return False
    packs = [*_packs(repo), name]
    # a multi-pack index names the packs it was made of, and git takes their loss for damage
    if len(packs) >= _MANY_PACKS and not os.path.exists(os.path.join(os.path.dirname(base), "multi-pack-index")):
        packs = [_merge(repo, base, packs)]
    with open(os.path.join(repo.common_trace_dir, _PACKS_FILE), "w", encoding="ascii") as file:
        file.write("".join(f"{pack}\n" for pack in packs))
    repo.git("prune-packed", "-q")
    return True


def _pack_objects(repo: Repository, base: str, asked: str) -> str:
    # --unpacked is about commits only; --incremental leaves out what is in a pack already
    options = ("-q", "--revs", "--unpacked", "--incremental", "--non-empty", "--delta-base-offset", "--local")
    # what a partial clone has only been promised is not fetched to be packed
    return decode(repo.git("pack-objects", *options, "--missing=allow-promisor", base, stdin=asked.encode())).strip()


def _packs(repo: Repository) -> list[str]:
    """Return the names of our packs that are still there: the user's gc may have taken them in."""
    try:
        with open(os.path.join(repo.common_trace_dir, _PACKS_FILE), encoding="ascii") as file:
            names = file.read().split()
    except FileNotFoundError:
        return []
    folder = os.path.join(repo.common_dir, "objects", "pack")
    return [name for name in names if os.path.exists(os.path.join(folder, f"pack-{name}.pack"))]


def _merge(repo: Repository, base: str, packs: list[str]) -> str:
    asked = "".join(f"pack-{name}.pack\n" for name in packs)
    new = decode(
        repo.git("pack-objects", "-q", "--stdin-packs", "--delta-base-offset", base, stdin=asked.encode())
    ).strip()
    for name in packs:
        # the index goes first, so that nobody finds the index of a pack that is gone
        for suffix in (".idx", ".rev", ".bitmap", ".pack"):
            path = f"{base}-{name}{suffix}"
            if name != new and os.path.exists(path):
                os.unlink(path)
    return new
