"""git trace log --graph."""

import json
import sys
from pathlib import Path

from tests.commands.conftest import Story, clone_of
from tests.support.recording import Make, Recording
from tests.support.repo import Repo


def _traced(work: Recording, title: str, file: str) -> str:
    """Record a trace that writes a file and commits it; return the trace."""
    trace = work.start(title=title).trace_id
    work.did("make", **{file: title + "\n"})
    work.commit(title)
    work.stop(success=True)
    return trace


def _graph(repo: Repo, *args: str) -> list[str]:
    return repo.trace("log", "--graph", *args).splitlines()


def _git_graph(repo: Repo, *args: str) -> list[str]:
    form = "--format=%h%d %s"
    return [line.rstrip() for line in repo.git("log", "--graph", form, *args, "--").splitlines()]


def _note_all(work: Recording, commit: str) -> None:
    """Note the segments of all commits on one, too."""
    notes = [line.split()[0] for line in work.git("notes", "--ref=trace", "list").splitlines()]
    whole = b"".join(work.run_bytes("git", "cat-file", "blob", oid) for oid in sorted(notes))
    blob = work.repo.git("hash-object", "-w", "--stdin", stdin=whole)
    work.git("notes", "--ref=trace", "add", "-f", "-C", blob, commit)


def test_traces_are_beside_their_commits(story: Story) -> None:
    short, base = (story.repo.git("rev-parse", "--short", name) for name in ("HEAD", "HEAD~"))
    active = f"trace {story.trace[:8]} fix the parser (human, active)"
    assert _graph(story.repo) == [f"* {short} (HEAD -> main) mend a", f"| {active}", f"* {base} base"]
    story.work.stop(success=False)
    assert _graph(story.repo, "HEAD~..HEAD") == [
        f"* {short} (HEAD -> main) mend a",
        f"  {active.replace('active', 'failure')}",
    ]
    assert _graph(story.repo, "-n", "1")[0] == f"* {short} (HEAD -> main) mend a"
    assert _graph(story.repo, "-n", "0") == []
    assert _graph(story.repo, "-1") == _graph(story.repo, "-n", "1")
    assert _graph(story.repo, "main", "^main") == []


def test_fate(work: Recording) -> None:
    trace = _traced(work, "write it", "new")
    line = f"trace {trace[:8]} write it (human, success, "
    assert _graph(work.repo, "--fate")[1] == f"| {line}alive)"
    work.git("revert", "--no-edit", "HEAD")
    assert _graph(work.repo, "--fate")[2] == f"| {line}reverted)"


def test_drawn_as_git_draws_it(work: Recording) -> None:
    traces = {}
    for branch in ("one", "two", "three"):
        work.git("checkout", "-q", "-b", branch, "main")
        traces[branch] = _traced(work, f"work on {branch}", branch)
    work.git("checkout", "-q", "main")
    work.commit("meanwhile")
    work.git("merge", "-q", "--no-edit", "one", "two", "three")
    root = work.git("commit-tree", "-m", "a root", "HEAD^{tree}")
    work.git("merge", "-q", "--no-edit", "-s", "ours", "--allow-unrelated-histories", root)
    work.git("checkout", "-q", "-b", "last", "main~")
    traces["last"] = _traced(work, "work on last", "last")
    tips = ("main", "last", "one")
    lines = _graph(work.repo, *tips)
    # a branch that begins is drawn on the line that a trace takes, where there is one
    texts = [line.lstrip("|/\\ *_.-") for line in lines]
    assert [text for text in texts if text and not text.startswith("trace ")] == [
        text for line in _git_graph(work.repo, *tips) if (text := line.lstrip("|/\\ *_.-"))
    ]
    for branch, trace in traces.items():
        place = texts.index(f"trace {trace[:8]} work on {branch} (human, success)")
        assert texts[place - 1].endswith(f"({'HEAD -> ' * (branch == 'last')}{branch}) work on {branch}")
    bare = [line for line in lines if "trace " not in line]
    assert set(_git_graph(work.repo, *tips)) - set(bare) <= {line.partition("trace")[0].rstrip() for line in lines}


def test_without_traces_it_is_git_s(make_work: Make) -> None:
    repo = make_work().repo
    for branch in ("x", "y", "z"):
        repo.git("checkout", "-q", "-b", branch, "main")
        repo.commit(branch, branch)
    repo.git("merge", "-q", "--no-edit", "x", "y")
    repo.git("checkout", "-q", "main")
    repo.commit("m", "m")
    repo.git("merge", "-q", "--no-edit", "z", "x")
    repo.git("tag", "-a", "-m", "v1", "v1", "y")
    tips = ("main", "x", "z")
    assert _graph(repo, *tips) == _git_graph(repo, *tips)


def test_more_traces_than_room_on_a_merge(work: Recording) -> None:
    work.git("checkout", "-q", "-b", "topic")
    traces = [_traced(work, f"work {number}", f"file{number}") for number in range(8)]
    work.git("checkout", "-q", "main")
    work.git("merge", "-q", "--no-ff", "-m", "all of it", "topic")
    _note_all(work, "HEAD")
    first, *lines = _graph(work.repo)[:9]
    assert first.endswith(" (HEAD -> main) all of it")
    wanted = [f"trace {trace[:8]} work {number} (human, success)" for number, trace in enumerate(traces)]
    assert lines == [f"|\\  {wanted[0]}", *(f"| | {text}" for text in wanted[1:])]


def test_what_nothing_leads_to_is_shown_when_it_is_named(story: Story) -> None:
    story.repo.git("reset", "-q", "--hard", "HEAD~")
    assert not any("trace" in line for line in _graph(story.repo))
    assert "fix the parser" in _graph(story.repo, story.commit)[1]


def test_texts_can_do_nothing_to_a_terminal(work: Recording) -> None:
    work.start(title="\x1b]0;owned\x07\u202etitle")
    work.did("make", a="x\n")
    work.git("commit", "-qam", "sub\x1b[31mject\x1b]0;owned\x07 %H \u202e")
    work.git("update-ref", "refs/heads/\u202ebranch", "HEAD")
    work.stop()
    out = work.repo.trace("log", "--graph")
    assert "sub\\x1b[31mject\\x1b]0;owned\\x07 %H \\u202e\n| trace " in out
    assert "\\x1b]0;owned\\x07\\u202etitle (human, stopped)" in out
    assert "\\u202ebranch" in out
    assert not any(character in out for character in "\x1b\x07\u202e")
    paged = work.repo.trace("log", "--graph", env={"GIT_PAGER_IN_USE": "1", "TERM": "xterm"})
    assert "\x1b[33m" in paged
    assert not any(text in paged for text in ("\x1b[31mject", "\x1b]", "\u202e"))


def test_a_subject_that_is_not_utf8(work: Recording) -> None:
    raw = work.run_bytes("git", "cat-file", "commit", "HEAD").replace(b"base", b"caf\xe9")
    odd = work.repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw)
    assert _graph(work.repo, odd) == [f"* {work.git('rev-parse', '--short', odd)} caf\\xe9"]
    told = raw.replace(b"\n\n", b"\nencoding ISO-8859-1\n\n", 1)
    told_oid = work.repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=told)
    assert _graph(work.repo, told_oid)[0].endswith(" café")


def test_no_commits(repo: Repo) -> None:
    assert repo.trace("log", "--graph", status=128) == ""
    assert repo.errors == "fatal: git log: your current branch 'main' does not have any commits yet\n"


def test_names_that_are_no_revisions(story: Story, tmp_path: Path) -> None:
    for name in ("nothing", "a", "main..nothing", ""):
        assert story.repo.trace("log", "--graph", name, status=128) == ""
        assert story.repo.errors == f"fatal: git log: bad revision '{name}'\n"
    assert story.repo.trace("log", "--graph", "--", f"--output={tmp_path}/made") == ""
    assert not (tmp_path / "made").exists()


def test_not_with_json(story: Story) -> None:
    assert story.repo.trace("log", "--graph", "--json", status=129) == ""
    assert story.repo.errors.startswith("error: argument --json: not allowed with argument --graph\n")


def test_configuration_of_git_log_changes_nothing_that_matters(story: Story) -> None:
    wanted = _graph(story.repo)
    for key, value in {
        "format.pretty": "fuller", "log.showSignature": "true", "log.decorate": "no", "log.abbrevCommit": "false",
        "color.ui": "always", "notes.displayRef": "refs/notes/trace", "log.diffMerges": "1",
        "core.pager": "false", "log.follow": "true",
    }.items():  # fmt: skip
        story.repo.git("config", key, value)
    assert _graph(story.repo) == wanted


def test_a_linked_worktree_a_folder_and_a_bare_clone(sha256_story: Story, tmp_path: Path) -> None:
    story = sha256_story
    linked = Repo(tmp_path / "linked", story.repo.env)
    story.repo.git("worktree", "add", "-q", "-b", "side", str(linked.top))
    (linked.top / "folder").mkdir()
    lines = _graph(Repo(linked.top / "folder", linked.env))
    assert "(HEAD -> side, main) mend a" in lines[0]
    assert "fix the parser" in lines[1]
    clone = clone_of(story)
    clone.git("config", "core.bare", "true")
    assert "fix the parser" in _graph(Repo(clone.top / ".git", clone.env))[1]


def test_a_reader_that_has_had_enough(work: Recording) -> None:
    tip = work.head()
    commits = "".join(
        f"commit refs/heads/long\ncommitter a <a@b> {1700000000 + number} +0000\ndata 400\n{'x' * 400}\n"
        + (f"from {tip}\n" if not number else "")
        for number in range(3000)
    )
    work.repo.git("fast-import", "--quiet", stdin=commits.encode())
    program = f"'{sys.executable}' -m gittrace.main log --graph long; echo $? >status"
    out = work.run_bytes("sh", "-c", f"{{ {program}; }} | head -n 2")
    assert out.count(b"\n") == 2
    assert (work.repo.top / "status").read_text() == "0\n"
    assert work.repo.errors == ""
    assert len(_graph(work.repo, "long")) == 3001


def _below(repo: Repo, *args: str) -> dict[str, list[str]]:
    """Return the lines of traces by the subject of the commit that they stand below."""
    found: dict[str, list[str]] = {}
    subject = ""
    for line in _graph(repo, *args):
        text = line.lstrip("*|/\\ ")
        if text.startswith("trace "):
            found[subject].append(text)
        elif text:
            subject = text.split(")")[-1].split(" ", 1)[-1].strip()
            found[subject] = []
    return found


def test_what_derivation_finds_stands_below_too(work: Recording) -> None:
    """A pick without a session, a squash elsewhere; the same as `git trace links` says."""
    trace = _traced(work, "write it", "new")
    work.git("checkout", "-q", "-b", "old", "HEAD~")
    work.write(other="by another hand\n")
    work.commit("by hand")
    work.git("cherry-pick", "main")
    work.git("notes", "--ref=trace", "remove", "--ignore-missing", "HEAD")
    work.git("commit", "-q", "--amend", "-m", "picked")
    work.write(new="write it\nby another hand, too\n", more="the first line\n")
    work.commit("more by hand")
    line = f"trace {trace[:8]} write it (human, success"
    found = _below(work.repo)
    assert found == {"more by hand": [], "picked": [f"{line}, made 100%)"], "by hand": [], "base": []}
    assert _below(work.repo, "main")["write it"] == [f"{line})"]
    for commit in work.git("rev-list", "--all", "--exclude=refs/notes/*").split():
        linked = json.loads(work.repo.trace("links", "--json", commit, status=None) or "[]")
        subject = work.git("log", "-1", "--format=%s", commit)
        if not subject.startswith("Notes"):
            assert len(_below(work.repo, commit)[subject]) == len(linked), subject


def test_paths_ranges_and_all(work: Recording) -> None:
    one, two = _traced(work, "write one", "one"), _traced(work, "write two", "two")
    work.git("checkout", "-q", "-b", "topic", "HEAD~")
    three = _traced(work, "write three", "three")
    work.write(left="in a stash\n", a="too\n")
    work.git("stash", "-q")
    assert list(_below(work.repo, "--", "one")) == ["write one"]
    assert list(_below(work.repo, "main", "--", "one", "two")) == ["write two", "write one"]
    assert list(_below(work.repo, "topic..main")) == ["write two"]
    found = _below(work.repo, "--all")
    assert {subject: len(lines) for subject, lines in found.items()} == {
        "write three": 1,
        "write two": 1,
        "write one": 1,
        "base": 0,
    }
    assert [trace[:8] in str(found) for trace in (one, two, three)] == [True] * 3
    assert _graph(work.repo, "--", "nowhere") == []
    work.repo.trace("log", "--", "one", status=129)
    assert "--all and paths are for --graph" in work.repo.errors
    work.repo.trace("log", "--graph", "--", "--output=x", status=0)
    assert not (work.repo.top / "x").exists()


def test_traces_of_no_commit_stand_below_what_they_began_on(work: Recording) -> None:
    active = work.start(title="going on").trace_id
    work.did("make", new="not committed\n")
    assert _below(work.repo) == {"base": [f"trace {active[:8]} going on (human, active, began here)"]}
    work.stop()
    line = f"trace {active[:8]} going on (human, stopped"
    assert _below(work.repo, "--fate") == {"base": [f"{line}, began here, uncommitted)"]}
    work.commit("after the session")
    assert _below(work.repo) == {"after the session": [f"{line}, made 100%)"], "base": []}
