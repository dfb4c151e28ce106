"""The manual page and the completions are those of the commands as they are."""

import re
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from gittrace.command_list import COMMANDS
from gittrace.doc import generate, manual, manual_text, shells
from gittrace.doc.commandline import PROGRAMS, REVISIONS, TRACES, Argument, CommandLine
from gittrace.vocabulary import CONFIG
from tests.support.repo import PACKAGE_ROOT, Repo

DOC = PACKAGE_ROOT / "gittrace/doc"


def argument(
    *flags: str,
    placeholder: str = "",
    kind: str = "",
    choices: tuple[str, ...] = (),
    required: bool = False,
    repeated: bool = False,
    help_text: str = "what it does",
) -> Argument:
    return Argument(flags, placeholder, kind, choices, required, repeated, help_text)


JSON = argument("--json", help_text="write JSON: one [object] a line; 50% of it isn't for people")
PORCELAIN = argument("--porcelain")
EXAMPLE = [
    CommandLine(
        "export",
        "porcelain",
        "write traces",
        "Write them.\n\n    git trace export 'it'\n\n.A line with 'two words' and <trace>, a\\b and -x.",
        (
            argument("-f", "--format", placeholder="<format>", choices=("opentraces", "atif"), required=True),
            JSON,
            PORCELAIN,
            argument("--since", placeholder="<date>", repeated=True),
            argument(placeholder="<trace>", kind=TRACES, repeated=True),
        ),
        ((JSON, PORCELAIN),),
    ),
    CommandLine("show", "porcelain", "show one", "Show it.", (argument(placeholder="<commit>", kind=REVISIONS),), ()),
    CommandLine(
        "run",
        "porcelain",
        "run a command",
        "Run it.",
        (argument(placeholder="<command>", kind=PROGRAMS, required=True, repeated=True),),
        (),
    ),
    CommandLine("seal", "plumbing", "seal", "Seal.", (), ()),
]


def test_committed_files_are_up_to_date() -> None:
    assert generate.outdated(generate.generate()) == []


def test_manual_names_every_command_and_every_key() -> None:
    page = (DOC / "git-trace.1").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f".SS git trace {manual.literal(command.name)}\n" in page
    assert sorted(key.lower() for key in manual_text.CONFIG_HELP) == sorted(CONFIG)
    for key in manual_text.CONFIG_HELP:
        assert f"\\fB{key}\\fR\n" in page


@pytest.mark.parametrize("page", ["committed", "example"])
def test_manual_is_clean(page: str, tmp_path: Path) -> None:
    if not shutil.which("mandoc"):
        pytest.skip("there is no mandoc here")
    path = DOC / "git-trace.1"
    if page == "example":
        path = tmp_path / "git-trace.1"
        path.write_text(manual.manual(EXAMPLE, "1.2.3", "2026-01-31"), encoding="utf-8")
    done = subprocess.run(["mandoc", "-T", "lint", str(path)], stdout=subprocess.PIPE, text=True)
    assert done.stdout == ""


def test_manual_as_it_is_read(tmp_path: Path) -> None:
    if not shutil.which("mandoc"):
        pytest.skip("there is no mandoc here")
    page = manual.manual(EXAMPLE, "1.2.3", "2026-01-31")
    done = subprocess.run(
        ["mandoc", "-T", "ascii", "-O", "width=100"], input=page, stdout=subprocess.PIPE, text=True, check=True
    )
    text = re.sub(".\b", "", done.stdout)  # bold and italics are overstrikes
    assert "git trace export --format <format> [--json | --porcelain]\n" in text
    assert "                 [--since <date>]... [<trace>...]\n" in text
    assert "git trace show [<commit>]\n" in text
    assert "git trace run [--] <command>...\n" in text
    assert "           git trace export 'it'\n" in text
    assert ".A line with two words and <trace>, a\\b and -x." in text
    assert "write JSON: one [object] a line; 50% of it isn't for people" in text


def test_release_date() -> None:
    text = "# Changes\n\n## 1.10.0 - 2026-02-01\n\n## 1.1.0 - 2026-01-31\n"
    assert generate.release_date(text, "1.1.0") == "2026-01-31"
    with pytest.raises(ValueError, match=r"no heading '## 1\.1 - <date>'"):
        generate.release_date(text, "1.1")


@pytest.fixture
def traced(repo: Repo) -> Repo:
    """A repository with a commit, a branch and a trace."""
    repo.commit("file.txt", "1\n")
    repo.git("branch", "topic")
    repo.git("update-ref", "refs/trace/0190-abcd", "HEAD^{tree}")
    return repo


COMPLETIONS = [
    (["ex"], ["export"]),
    (["run", "no-such-progr"], []),
    (["export", "--js"], ["--json"]),
    (["export", "--format", "op"], ["opentraces"]),
    (["export", "0190"], ["0190-abcd"]),
    (["show", "top"], ["topic"]),
    (["seal", "0190"], []),
]
FOR_GIT = """
words=(git -C /nowhere trace "$@") cword=$(($# + 3)) __git_cmd_idx=3
cur=${words[cword]} prev=${words[cword - 1]} __git_dir= __git_C_args=
_git_trace
"""
ALONE = """
COMP_WORDS=(git-trace "$@") COMP_CWORD=$#
__git_trace_direct
"""


@pytest.mark.parametrize("way", [FOR_GIT, ALONE], ids=["git trace", "git-trace"])
@pytest.mark.parametrize(("words", "wanted"), COMPLETIONS)
def test_bash(traced: Repo, words: list[str], wanted: list[str], way: str) -> None:
    traced.write("completion", shells.bash(EXAMPLE))
    script = f'. ./completion\n{way}\nfor reply in "${{COMPREPLY[@]}}"; do echo "$reply"; done'
    out = traced.run("bash", "-c", script, "bash", *words).decode()
    assert out == "".join(f"{word} \n" for word in wanted)


@pytest.mark.parametrize(("words", "wanted"), [(["export", "--format", "=", "at"], ["atif"])])
def test_bash_value_after_a_sign(traced: Repo, words: list[str], wanted: list[str]) -> None:
    test_bash(traced, words, wanted, ALONE)


@pytest.mark.parametrize(("words", "wanted"), COMPLETIONS)
def test_fish(traced: Repo, words: list[str], wanted: list[str]) -> None:
    if not shutil.which("fish"):
        pytest.skip("there is no fish here")
    traced.write("completion", shells.fish(EXAMPLE))
    script = f"source completion; complete -C '{' '.join(['git-trace', *words])}'"
    lines = traced.run("fish", "--no-config", "-c", script).decode().splitlines()
    assert [line.partition("\t")[0] for line in lines] == wanted


@pytest.mark.parametrize(("words", "wanted"), [case for case in COMPLETIONS if case[1]])
def test_zsh(traced: Repo, words: list[str], wanted: list[str]) -> None:
    if not shutil.which("zsh"):
        pytest.skip("there is no zsh here")
    traced.write("_git-trace", shells.zsh(EXAMPLE))
    # git-trace is here a function that shows what the line editor made of its arguments
    setup = "fpath=($PWD $fpath); autoload -Uz compinit; compinit -D -u; git-trace() print -r -- '<'$*'>'; PS1=rea''dy"
    with pexpect.spawn("zsh", ["-f", "-i"], cwd=traced.top, env={**traced.env, "TERM": "dumb"}, timeout=30) as shell:
        shell.sendline(setup)
        shell.expect_exact("ready")
        shell.send(f"git-trace {' '.join(words)}\t")
        # the line editor must be done with the tab before the return comes
        shell.expect_exact(wanted[0][len(words[-1]) :])
        shell.send("\r")
        shell.expect_exact(f"<{' '.join([*words[:-1], *wanted])}>")
