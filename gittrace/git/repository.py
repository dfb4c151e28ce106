"""Where a repository's parts are, and git run inside it. Standard library only (see `gittrace.git.process`)."""

import os

from gittrace.errors import BadConfig, GitFailed, GitMissing, NoRepository, NoWorktree
from gittrace.git.garbage import signs
from gittrace.git.process import Coprocess, Process, run, scrubbed_environment
from gittrace.text import decode
from gittrace.vocabulary import CONFIG, GIT_MINIMUM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PLACE = (
    "rev-parse", "--is-bare-repository", "--show-object-format", "--absolute-git-dir",
    "--path-format=absolute", "--git-common-dir", "--show-toplevel",
)  # fmt: skip
_CONFIG_KEYS = r"^(trace\.|remote\.|commit\.gpgsign$|core\.(sshcommand|hookspath)$|hook\..*\.event$)"
_CONFIG = ("config", "-z", "--get-regexp", _CONFIG_KEYS)
# a key without a value is true
_BOOLS = {"true": 1, "yes": 1, "on": 1, "1": 1, "": 1, "false": 0, "no": 0, "off": 0, "0": 0}
_SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class Repository:
    """One worktree of a git repository (or a bare repository: `top` is then empty).

    git_dir     absolute; of this worktree
    common_dir  absolute; shared by all worktrees
    format      `sha1` or `sha256`
    signs       of a gc (see `gittrace.git.garbage`), before anything was written through this
    """

    def __init__(self, top: str, git_dir: str, common_dir: str, object_format: str = "sha1") -> None:
        self.top = top
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.format = object_format
        self.signs = signs(common_dir)
        self._config: dict[str, str | int] | None = None
        self._values: list[tuple[str, str]] = []
        place = {"GIT_DIR": git_dir}
        if top:
            place["GIT_WORK_TREE"] = top
        self.env = scrubbed_environment(place)

    @property
    def trace_dir(self) -> str:
        """`<git-dir>/trace`: what belongs to this worktree."""
        return os.path.join(self.git_dir, "trace")

    @property
    def common_trace_dir(self) -> str:
        """`<common-dir>/trace`: what belongs to the repository."""
        return os.path.join(self.common_dir, "trace")

    @property
    def zero(self) -> str:
        """The oid that stands for none."""
        return "0" * (64 if self.format == "sha256" else 40)

    def argv(self, *args: str) -> "list[str]":
        """Return git's argv for `args`, at the top of the worktree."""
        return ["git", "-C", self.top or self.git_dir, "--no-pager", *args]

    def start(
        self,
        *args: str,
        env: "Mapping[str, str] | None" = None,
        feed: bool = False,
        source: str = os.devnull,
    ) -> Process:
        """Start git and return while it runs; its standard input is a pipe if `feed`, else the file `source`."""
        return Process(self.argv(*args), {**self.env, **env} if env else self.env, feed, source)

    def converse(self, *args: str, env: "Mapping[str, str] | None" = None) -> Coprocess:
        """Start a git that is asked and answers, such as `cat-file --batch`."""
        return Coprocess(self.argv(*args), {**self.env, **env} if env else self.env)

    def git(
        self,
        *args: str,
        stdin: bytes = b"",
        env: "Mapping[str, str] | None" = None,
        ok: "Iterable[int]" = (0,),
    ) -> bytes:
        """Run git to its end and return what it printed. Raises GitFailed when its status is not in `ok`."""
        return run(self.argv(*args), {**self.env, **env} if env else self.env, stdin, ok)

    def line(self, *args: str, env: "Mapping[str, str] | None" = None) -> str:
        """Run git and return its only line of output."""
        return os.fsdecode(self.git(*args, env=env)).removesuffix("\n")

    def need_worktree(self) -> "Repository":
        """Return self. Raises NoWorktree in a bare repository."""
        if not self.top:
            raise NoWorktree(f"'{self.git_dir}' is a bare repository: there are no files to record")
        return self

    def take_config(self, process: Process) -> None:
        """Parse what git says of `trace.*`; other keys are kept as they are. Raises BadConfig."""
        values: dict[str, str | int] = {key: default for key, (_, default) in CONFIG.items()}
        self._values = []
        for item in os.fsdecode(process.check(ok=(0, 1))).split("\0")[:-1]:
            key, _, value = item.partition("\n")
            self._values.append((key, value))
            if key in CONFIG and CONFIG[key][0] == "list":
                values[key] = f"{values[key]}\n{value}" if value else ""  # an empty one begins the list anew, as in git
            elif key in CONFIG:
                values[key] = self._parse_config(key, value)
            else:
                values[key] = value
        self._config = values

    def _parse_config(self, key: str, value: str) -> "str | int":
        kind = CONFIG[key][0]
        wanted = "a size such as 512k, 5m or 1g"
        if kind == "text":
            return value
        if kind == "size":
            number, unit = (value[:-1], value[-1:].lower()) if value[-1:].lower() in _SIZES else (value, "")
            if number.strip().isdecimal():
                return int(number) * _SIZES.get(unit, 1)
        elif kind == "bool":
            if value.lower() in _BOOLS:
                return _BOOLS[value.lower()]
            wanted = "true or false"
        elif value in kind.split("|"):
            return value
        else:
            wanted = " or ".join(f"'{word}'" for word in kind.split("|"))
        where = decode(self.git("config", "-z", "--show-origin", "--get", key, ok=(0, 1))).split("\0")[0]
        where = f" in {where.removeprefix('file:')}" if where else ""
        raise BadConfig(f"bad value '{value}' for '{key}'{where}", f"it takes {wanted}")

    def config(self, key: str) -> "str | int":
        """Return the value of a key of `vocabulary.CONFIG` (any case). Raises BadConfig."""
        if self._config is None:
            self.take_config(self.start(*_CONFIG))
        assert self._config is not None
        return self._config.get(key.lower(), "")

    def is_on(self, key: str) -> bool:
        """Return a configuration value that is true or false."""
        return bool(self.config(key))

    def signs_commits(self) -> bool:
        """Tell whether git is configured to sign commits (`commit.gpgSign`); what git can't read is taken for no."""
        self.config("trace.sign")
        said = [value.lower() for name, value in self._values if name == "commit.gpgsign"]
        return bool(said) and bool(_BOOLS.get(said[-1], said[-1].isdecimal()))

    def has_ssh_command(self) -> bool:
        """Tell whether the user has a command of their own to reach servers (`core.sshCommand`)."""
        self.config("trace.remote")
        said = [value for name, value in self._values if name == "core.sshcommand"]
        return bool(said and said[-1])

    def remotes(self) -> "dict[str, dict[str, list[str]]]":
        """Return name -> key -> values of all that is configured of remotes."""
        self.config("trace.remote")
        found: dict[str, dict[str, list[str]]] = {}
        for name, value in self._values:
            if name.startswith("remote."):
                remote, dot, key = name.removeprefix("remote.").rpartition(".")
                if dot:
                    found.setdefault(remote, {}).setdefault(key, []).append(value)
        return found

    def forget_config(self) -> None:
        """Have the configuration read again: it was changed."""
        self._config = None

    def all_config(self) -> "list[tuple[str, str]]":
        """Return what was read of the configuration (`_CONFIG_KEYS`) as (key, value) in git's order."""
        self.config("")
        return self._values

    def config_values(self, key: str) -> "list[str]":
        """Return all values of a key of the section `trace`, in git's order; an empty one begins the list anew.

        The section and the last part of `key` are in lower case, what is between them as it is written.
        """
        self.config(key)
        values: list[str] = []
        for name, value in self._values:
            if name == key:
                values = [*values, value] if value else []
        return values

    def size(self, key: str) -> int:
        """Return a configuration value that is a number of bytes."""
        value = self.config(key)
        assert isinstance(value, int)
        return value


class Discovery:
    """The search for the current directory's repository and its configuration; it goes on while the caller does.

    Raises GitMissing.
    """

    def __init__(self) -> None:
        env = _callers_environment()
        self._place = Process(["git", *_PLACE], env)
        self._config = Process(["git", *_CONFIG], env)

    def finish(self) -> Repository:
        """Return the repository. Raises NoRepository, BadConfig."""
        try:
            repo = _found(self._place)
        except NoRepository:
            self._config.finish()
            raise
        repo.take_config(self._config)
        return repo


def discover() -> Repository:
    """Find the repository of the current directory, as git does. Raises NoRepository, GitMissing."""
    return _found(Process(["git", *_PLACE], _callers_environment()))


def _callers_environment() -> "dict[str, str]":
    # here and only here GIT_DIR and GIT_WORK_TREE of the caller count
    env = {k: v for k, v in os.environ.items() if k not in ("GIT_INDEX_FILE", "GIT_PREFIX")}
    env["LC_ALL"] = "C"
    return env


def _found(process: Process) -> Repository:
    code, out, err = process.finish()
    parts = os.fsdecode(out).split("\n", 4)
    if code and (len(parts) < 5 or parts[0] != "true") and b"must be run in a work tree" not in err:
        # git may put what it speaks of on a line by itself
        text = " ".join(decode(err).rpartition("fatal: ")[2].split())
        if "dubious ownership" in text:
            said, _, command = text.partition(" To add an exception for this directory, call: ")
            raise NoRepository(said, command)
        if text.startswith("not a git repository"):
            raise NoRepository(f"'{os.getcwd()}' is not in a git repository", "git init makes one")
        raise NoRepository(text or f"git rev-parse ended with {code}")
    if len(parts) < 5:
        raise NoRepository("cannot make out where the repository is", "git 2.34 or newer is needed")
    _, object_format, git_dir, common_dir, top = parts
    top = top.removesuffix("\n")
    if out.count(b"\n") > (4 if code else 5):  # some path holds a line feed
        env = _callers_environment()
        git_dir, common_dir, top = (
            os.fsdecode(Process(["git", "rev-parse", *words], env).finish()[1]).removesuffix("\n")
            for words in (_PLACE[3:4], _PLACE[4:6], _PLACE[6:])
        )
    if code and parts[0] != "true":
        top = os.path.dirname(git_dir) if os.path.basename(git_dir) == ".git" else ""
    return Repository(top, git_dir, common_dir, object_format)


def at(git_dir: str, common_dir: str, object_format: str) -> Repository:
    """Return the repository seen from another of its worktrees, whose `<git-dir>` is given. Raises NoWorktree."""
    try:
        with open(os.path.join(git_dir, "gitdir"), encoding="utf-8", errors="surrogateescape") as file:
            # relative with worktree.useRelativePaths
            top = os.path.normpath(os.path.join(git_dir, os.path.dirname(file.read().removesuffix("\n"))))
    except FileNotFoundError:
        # with GIT_DIR set rev-parse takes the current directory for the top, and without it fails inside of .git
        here = Repository("", git_dir, common_dir, object_format)
        told = os.fsdecode(here.git("config", "-z", "--get", "core.worktree", ok=(0, 1))).removesuffix("\0")
        if not told and os.path.basename(git_dir) != ".git":
            raise NoWorktree(f"cannot tell where the worktree of '{git_dir}' is") from None
        top = os.path.normpath(os.path.join(git_dir, told or os.pardir))
    return Repository(top, git_dir, common_dir, object_format)


def git_dirs(repo: Repository) -> "list[str]":
    """Return the `<git-dir>` of every worktree, the main one's first."""
    linked = os.path.join(repo.common_dir, "worktrees")
    try:
        names = sorted(os.listdir(linked))
    except FileNotFoundError:
        names = []
    return [repo.common_dir, *(os.path.join(linked, name) for name in names)]


def check_version() -> "tuple[int, ...]":
    """Return git's version. Raises GitMissing when git is too old or can't be run."""
    out = decode(run(["git", "version"], scrubbed_environment()))
    words = out.split()
    numbers = tuple(int(n) for n in words[2].split(".")[:3] if n.isdecimal()) if len(words) > 2 else ()
    if numbers < GIT_MINIMUM:
        raise GitMissing(f"'{out.strip()}' is too old", f"git {GIT_MINIMUM[0]}.{GIT_MINIMUM[1]} or newer is needed")
    return numbers


__all__ = ["Discovery", "GitFailed", "Repository", "at", "check_version", "discover", "git_dirs"]
