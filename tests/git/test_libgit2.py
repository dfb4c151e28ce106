"""libgit2's objects without the rest of pygit2: quick to load, and in nobody's way."""

import sys

from tests.support.repo import Repo

_LOADED = "loaded = {'ssl', 'pygit2.repository', 'pygit2.settings', 'pygit2.enums'} & set(sys.modules)\n"


def test_reading_objects_loads_little(repo: Repo) -> None:
    repo.commit("a", "1\n")
    repo.trace("init")
    repo.trace("start")
    repo.trace("run", "--", "touch", "b")
    program = "import sys; from gittrace.main import main; main(['show'])\n" + _LOADED
    program += "sys.exit(f'loaded: {loaded}' if loaded or 'pygit2._pygit2' not in sys.modules else 0)"
    repo.run(sys.executable, "-c", program)


def test_who_wants_the_package_gets_it_whole(repo: Repo) -> None:
    repo.commit("a", "1\n")
    program = (
        "import sys; from gittrace.git.libgit2 import load; module = load()\n"
        + _LOADED
        + "assert not loaded and 'pygit2' not in sys.modules\n"
        "import pygit2\n"
        "assert pygit2.Odb is module.Odb and load() is pygit2\n"
        "head = pygit2.Repository('.').head\n"
        "kind, _ = module.Odb('.git/objects').read(str(head.target))\n"
        "assert kind is pygit2.enums.ObjectType.COMMIT\n"
        "print(head.target, pygit2.__version__)"
    )
    assert repo.run(sys.executable, "-c", program).decode().split()[0] == repo.git("rev-parse", "HEAD")


def test_another_version_is_loaded_as_it_is(repo: Repo) -> None:
    program = (
        "import sys, types; from gittrace.git import libgit2\n"
        "def other(): raise AttributeError('_cache_enums')\n"
        "libgit2._alone = other\n"
        "module = libgit2.load()\n"
        "assert module is sys.modules['pygit2'] and module.Odb\n"
    )
    repo.run(sys.executable, "-c", program)


def test_without_pygit2_git_is_asked(repo: Repo) -> None:
    oid = repo.commit("a", "1\n")
    program = (
        "import importlib.util, sys\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'pygit2' else real(name, *more)\n"
        "sys.meta_path.insert(0, type('No', (), {'find_spec': staticmethod(lambda name, *_: (_ for _ in ()).throw("
        "ModuleNotFoundError(name)) if name == 'pygit2' else None)}))\n"
        "from gittrace.git.objects import open_objects; from gittrace.git.repository import discover\n"
        "store = open_objects(discover())\n"
        f"print(type(store).__name__, store.kind({oid!r})); store.close()"
    )
    assert repo.run(sys.executable, "-c", program).split() == [b"CatFileObjects", b"commit"]


def test_objects_are_hashed_until_they_are_trusted(repo: Repo) -> None:
    commit = repo.commit("a", "1\n")
    repo.commit("a", "2\n")
    objects = repo.top / ".git/objects"
    one, two = (repo.git("rev-parse", f"{name}:a") for name in (commit, "HEAD"))
    path = objects / one[:2] / one[2:]
    path.chmod(0o644)
    path.write_bytes((objects / two[:2] / two[2:]).read_bytes())
    program = (
        "from gittrace.errors import Damaged; from gittrace.git.objects import open_objects\n"
        "from gittrace.git.repository import discover\n"
        "store = open_objects(discover())\n"
        f"try: store.blob({one!r}); raise SystemExit('it was not hashed')\n"
        "except Damaged: pass\n"
        "store.trust()\n"
        f"print(store.blob({one!r}).decode(), end='')"
    )
    assert repo.run(sys.executable, "-c", program) == repo.run("git", "cat-file", "blob", one) == b"2\n"
