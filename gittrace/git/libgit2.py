"""libgit2's object database, without the rest of pygit2.

That package loads a hundred modules (ssl and http among them, for fetching) and takes more than half as long as all
others of a command together. What reads objects is its C module alone. To that a kind of object is a member of an
enumeration, and to make all enumerations of libgit2 takes longer than to load the module: a number will do.
"""

import importlib.util
import sys
from types import ModuleType

_NAME = "pygit2"
_ENUMS = f"{_NAME}.enums"
# of `git_libgit2_opt_t`, in libgit2's common.h
_STRICT_HASH_VERIFICATION = 22


def load() -> ModuleType:
    """Return a module with `Odb` and `GitError`. Raises ImportError where pygit2 isn't installed."""
    if _NAME not in sys.modules:
        try:
            return _alone()
        except (ImportError, AttributeError, TypeError):
            # another version, which is made up otherwise
            pass
    return importlib.import_module(_NAME)


def _alone() -> ModuleType:
    """Load the C module, with the package's name standing for its folder alone meanwhile."""
    found = importlib.util.find_spec(_NAME)
    if found is None or found.submodule_search_locations is None:
        raise ImportError(f"no package '{_NAME}'")
    folder = ModuleType(_NAME)
    folder.__path__ = list(found.submodule_search_locations)
    folder.__spec__ = found
    numbers = ModuleType(_ENUMS)
    numbers.__getattr__ = lambda name: int  # type: ignore[method-assign]
    sys.modules[_NAME], sys.modules[_ENUMS] = folder, numbers
    try:
        module = importlib.import_module(f"{_NAME}._pygit2")
        # by this the package, if it is loaded later, tells it of the enumerations; without any nothing can be read
        module._cache_enums()
        if not (hasattr(module.Odb, "read") and hasattr(module, "GitError")):
            raise ImportError(f"'{_NAME}' has no object database")
    finally:
        # who wants the package gets it, whole
        del sys.modules[_NAME], sys.modules[_ENUMS]
    return module


def read_unhashed(module: ModuleType) -> None:
    """Have libgit2 read objects as git does, in all of this process: that they have their names is for `git fsck`.

    To hash an object takes libgit2 four times as long as all else that it does to read it.
    """
    import ctypes

    try:
        options = ctypes.CDLL(module.__file__).git_libgit2_opts
    except (OSError, AttributeError):
        return  # it is linked in another way, and goes on as it does
    # what is not named here is passed as to a function with any number of arguments
    options.argtypes = [ctypes.c_int]
    options(_STRICT_HASH_VERIFICATION, ctypes.c_int(0))


__all__ = ["load", "read_unhashed"]
