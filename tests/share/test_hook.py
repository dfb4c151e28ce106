"""`git push`, as a user does it: what the pre-push hook publishes, and what it never does."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from gittrace.commands import pre_push, push
from gittrace.main import build_parser, find
from gittrace.share import queue
from gittrace.share import state as states
from gittrace.share.publish import alone
from gittrace.share.setup import share
from gittrace.trace.upkeep.initialize import initialize
from gittrace.vocabulary import SNAPSHOTS_REFS
from tests.share.conftest import MakeServer, recorded
from tests.share.support import Server, through
from tests.support.recording import Recording
from tests.support.recording import recorded as recorded_in
from tests.support.repo import Repo, make_repo
from tests.support.waiting import until

Project = Callable[..., Recording]


@pytest.fixture
def make_project(tmp_path: Path, program: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a repository with a commit and all hooks, which wait for the sealer."""

    def make(name: str = "project") -> Recording:
        work = recorded_in(make_repo(tmp_path / name, program), monkeypatch)
        work.git("config", "trace.seal", "now")
        work.repo.commit("README", "a project\n")
        initialize(work.here)
        return work

    return make


@pytest.fixture
def project(make_project: Project, server: Server) -> Recording:
    """A repository that shares with `origin`, which has its first commit."""
    work = make_project()
    work.git("remote", "add", "origin", server.url)
    work.git("push", "-q", "--no-verify", "origin", "main")
    share(work.here, "origin")
    return work


def waiting(work: Recording) -> list[queue.Entry]:
    return queue.waiting(work.here)


def test_commit_and_push_in_one_breath(project: Recording, server: Server) -> None:
    project.git("trace", "start")
    project.git("config", "trace.seal", "detached")
    project.git("trace", "init", "-q")
    project.git("trace", "run", "--", "sh", "-c", "echo x >x; git add x; git commit -qm x; git push -q origin main")
    commit = project.git("rev-parse", "HEAD")
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert set(server.segments()) == {commit}
    assert server.repo.git("rev-parse", "main") == commit
    assert waiting(project) == []


def test_a_push_during_another_publication_is_published_after_it(project: Recording, server: Server) -> None:
    one = recorded(project, "one")
    with alone(project.here) as mine:
        assert mine
        project.git("push", "-q", "origin", "main")
        assert server.repo.git("rev-parse", "main") == one
        assert len(waiting(project)) == 1
        assert server.writers() == []
    until(lambda: not waiting(project), "the queue to be empty")
    assert set(server.segments()) == {one}


def test_nothing_is_published_until_it_is_asked_for(make_project: Project, server: Server) -> None:
    work = make_project()
    work.git("remote", "add", "origin", server.url)
    recorded(work, "one")
    through(work.repo, "git", "push", "-q", "origin", "main")
    assert server.writers() == []
    assert not (work.repo.git_dir / "trace/share").exists()


def test_a_push_that_skipped_the_hook_is_caught_up_with(project: Recording, server: Server) -> None:
    one = recorded(project, "one")
    project.git("push", "-q", "--no-verify", "origin", "main")
    assert server.writers() == []
    # up to date: git hands the hook nothing
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert set(server.segments()) == {one}


@pytest.mark.parametrize(
    "words",
    ["--dry-run", "-n", "-fn", "--dry", "--no-dry-run --dry-run", "-o n -n", "-q -n --repo=origin"],
)
def test_a_dry_run_publishes_nothing(project: Recording, server: Server, words: str) -> None:
    server.repo.git("config", "receive.advertisePushOptions", "true")
    recorded(project, "one")
    # git itself dies of SIGPIPE at times when a dry run has push options
    status = None if "-o" in words else 0
    through(project.repo, "git", "push", *words.split(), "origin", "main", status=status)
    assert server.writers() == []
    assert waiting(project) == []


@pytest.mark.parametrize("words", ["--no-dry-run", "-o n", "--push-option n", "--dry-run --no-dry-run", "-on"])
def test_what_only_looks_like_a_dry_run(project: Recording, server: Server, words: str) -> None:
    server.repo.git("config", "receive.advertisePushOptions", "true")
    one = recorded(project, "one")
    through(project.repo, "git", "push", "-q", *words.split(), "origin", "main")
    assert set(server.segments()) == {one}


def test_a_dry_run_through_an_alias_and_a_hook_manager(project: Recording, server: Server) -> None:
    hook = project.repo.git_dir / "hooks/pre-push"
    # newer gits have it from their configuration
    shim = project.repo.git_dir / "trace/hooks/pre-push"
    ours = hook.rename(hook.with_name("ours")) if hook.exists() else shim
    project.repo.write(".git/hooks/pre-push", f'#!/bin/sh\nsh -c \'"$0" "$@"; exit $?\' "{ours}" "$@"\n', 0o755)
    project.git("config", "alias.try", "push -n")
    one = recorded(project, "one")
    through(project.repo, "git", "try", "origin", "main")
    assert server.writers() == []
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert set(server.segments()) == {one}


def test_tags_all_and_deletes(project: Recording, server: Server) -> None:
    project.git("switch", "-qc", "one")
    one = recorded(project, "one")
    project.git("tag", "-am", "a tag", "v1")
    project.git("switch", "-qc", "two", "main")
    two = recorded(project, "two")
    through(project.repo, "git", "push", "-q", "origin", "--tags")
    assert set(server.segments()) == {one}
    through(project.repo, "git", "push", "-q", "origin", "--all")
    assert set(server.segments()) == {one, two}
    through(project.repo, "git", "push", "-q", "origin", "--delete", "one", "v1")
    assert set(server.segments()) == {one, two}
    assert waiting(project) == []


def test_a_tag_alone_vouches_for_its_commits_later_too(project: Recording, server: Server) -> None:
    project.git("switch", "-qc", "one")
    project.start()
    project.did("make", one="one\n")
    one = project.commit()
    project.git("tag", "v1")
    through(project.repo, "git", "push", "-q", "origin", "v1")
    (before,) = server.segments().values()
    project.stop()
    through(project.repo, "git", "push", "-q", "origin", "v1")
    assert before < server.segments()[one]


def test_other_remotes_get_nothing(project: Recording, server: Server, make_server: MakeServer) -> None:
    fork = make_server("fork.git")
    project.git("remote", "add", "fork", fork.url)
    recorded(project, "one")
    for place in ("fork", fork.url):
        through(project.repo, "git", "push", "-q", place, "main")
    assert (server.writers(), fork.writers()) == ([], [])
    project.git("trace", "init", "--share", "fork")
    two = recorded(project, "two")
    through(project.repo, "git", "push", "-q", "fork", "main")
    assert (server.writers(), set(fork.segments())) == ([], {two})


def test_a_push_by_url_is_one_to_the_remote_that_has_it(project: Recording, server: Server) -> None:
    one = recorded(project, "one")
    through(project.repo, "git", "push", "-q", f"{server.url}/", "main")
    assert set(server.segments()) == {one}


def test_from_a_linked_worktree(project: Recording, server: Server, tmp_path: Path) -> None:
    project.git("worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked"))
    linked = Recording(Repo(tmp_path / "linked", project.repo.env))
    one = recorded(linked, "one")
    through(linked.repo, "git", "push", "-q", "origin", "topic")
    assert set(server.segments()) == {one}


def test_another_repository_for_traces(project: Recording, server: Server, make_server: MakeServer) -> None:
    private = make_server("private.git")
    project.git("remote", "add", "private", private.url)
    project.git("trace", "init", "--share", "origin", "--to", "private")
    one = recorded(project, "one")
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert (server.writers(), set(private.segments())) == ([], {one})


def test_a_squash_of_a_private_branch(project: Recording, server: Server) -> None:
    project.git("switch", "-qc", "topic")
    recorded(project, "one")
    project.git("switch", "-q", "main")
    project.git("merge", "-q", "--squash", "topic")
    project.git("commit", "-qm", "squashed")
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert set(server.segments()) == {project.head()}


def test_switched_off(project: Recording, server: Server) -> None:
    recorded(project, "one")
    through(project.repo, "git", "-c", "trace.push=off", "push", "-q", "origin", "main")
    assert server.writers() == []
    project.git("config", "trace.push", "off")
    project.git("trace", "init", "-q")
    assert not (project.repo.git_dir / "trace/hooks/publish").exists()


def test_a_bad_value_never_fails_a_push(project: Recording, server: Server) -> None:
    one = recorded(project, "one")
    project.git("config", "trace.push", "always")
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert server.repo.git("rev-parse", "main") == one
    project.repo.trace("push", status=128)
    assert "bad value 'always' for 'trace.push' in" in project.repo.errors
    log = (project.repo.git_dir / "trace/log").read_text()
    assert "bad value 'always' for 'trace.push'" in log


def test_what_can_not_be_logged_is_told_as_a_warning(project: Recording, server: Server) -> None:
    one = recorded(project, "one")
    trace = project.repo.git_dir / "trace"
    # as on a full disk: neither queue nor log can be written
    shutil.rmtree(trace / "share/queue", ignore_errors=True)
    (trace / "share/queue").write_text("")
    (trace / "log").unlink(missing_ok=True)
    (trace / "log").mkdir()
    project.git("push", "-q", "origin", "main")
    assert server.repo.git("rev-parse", "main") == one
    said = project.repo.errors.splitlines()
    assert len(said) == 1
    assert said[0].startswith("warning: traces wait for the next push: ")


class TestAServerThatIsNotThere:
    def test_that_hangs_holds_nobody_up(self, project: Recording, server: Server, tmp_path: Path) -> None:
        go = tmp_path / "go on"
        hook = server.repo.top / "hooks/pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            "#!/bin/sh\nread -r _ _ ref\ncase $ref in refs/notes/*)\n"
            f'while [ ! -e "{go}" ]; do sleep 0.05; done;; esac\n'
        )
        hook.chmod(0o755)
        one = recorded(project, "one")
        project.git("push", "-q", "origin", "main")
        # the branch is there, while its traces are on their way
        assert server.repo.git("rev-parse", "main") == one
        assert server.writers() == []
        assert len(waiting(project)) == 1
        assert "is on its way" in project.repo.trace("remotes")
        project.repo.commit("two", "two\n")
        project.git("push", "-q", "origin", "main")
        go.touch()
        through(project.repo, "git", "trace", "push", "-q")
        assert set(server.segments()) == {one}
        assert waiting(project) == []

    def test_that_dies_in_the_middle(self, project: Recording, server: Server) -> None:
        hook = server.repo.top / "hooks/pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nread -r _ _ ref\ncase $ref in refs/notes/*) kill -9 $PPID;; esac\n")
        hook.chmod(0o755)
        one = recorded(project, "one")
        through(project.repo, "git", "push", "-q", "origin", "main")
        (entry,) = waiting(project)
        assert entry.failed
        assert "tried" in project.repo.trace("status")
        hook.unlink()
        through(project.repo, "git", "push", "-q", "origin", "main")
        assert set(server.segments()) == {one}
        assert waiting(project) == []

    def test_that_is_away(self, project: Recording, server: Server) -> None:
        one = recorded(project, "one")
        away = server.repo.top.rename(server.repo.top.with_name("away"))
        through(project.repo, "git", "push", "-q", "origin", "main", status=128)
        away.rename(server.repo.top)
        # what never arrived is not published by what comes next
        project.git("switch", "-qc", "other", "main~")
        project.repo.commit("other", "other\n")
        through(project.repo, "git", "push", "-q", "origin", "other")
        assert server.segments() == {}
        assert waiting(project) == []
        through(project.repo, "git", "push", "-q", "origin", "main")
        assert set(server.segments()) == {one}


def test_what_was_published_for_a_push_that_is_refused_is_taken_back(project: Recording, server: Server) -> None:
    one = recorded(project, "one")
    server.refuse("refs/heads/*")
    through(project.repo, "git", "push", "-q", "origin", "main", status=1)
    assert server.segments() == {}
    assert states.load(project.here, "origin").unproven == []
    server.relent()
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert set(server.segments()) == {one}
    assert states.load(project.here, "origin").unproven == []


@pytest.mark.parametrize("kind", ["by URL", "a tag"])
def test_of_a_push_that_no_ref_here_tells_of_the_server_is_asked(project: Recording, server: Server, kind: str) -> None:
    one = recorded(project, "one")
    project.git("tag", "-am", "the first", "v1")
    words = [server.url, "main"] if kind == "by URL" else ["origin", "v1"]
    server.refuse("refs/heads/*|refs/tags/*")
    through(project.repo, "git", "push", "-q", *words, status=1)
    assert server.segments() == {}
    assert states.load(project.here, "origin").unproven == []
    server.relent()
    through(project.repo, "git", "push", "-q", *words)
    assert set(server.segments()) == {one}
    state = states.load(project.here, "origin")
    assert (state.unproven, len(state.pushed)) == ([], 1)


def test_what_the_server_puts_elsewhere_was_accepted(project: Recording, server: Server) -> None:
    """A server for reviews takes a push to `refs/for/main`, and has it as `refs/changes/1` or the like."""
    hook = """\
#!/bin/sh
while read -r _ new ref; do
    case $ref in refs/for/*) git update-ref -d "$ref"; git update-ref refs/changes/1 "$new";; esac
done
"""
    server.repo.write("hooks/post-receive", hook, 0o755)
    one = recorded(project, "one")
    through(project.repo, "git", "push", "-q", "origin", "main:refs/for/main")
    assert server.repo.git("rev-parse", "refs/changes/1") == one
    assert set(server.segments()) == {one}


def test_a_server_that_can_not_be_asked_is_asked_later(
    project: Recording, server: Server, make_server: MakeServer
) -> None:
    private = make_server("private.git")
    project.git("remote", "add", "private", private.url)
    project.git("trace", "init", "--share", "origin", "--to", "private")
    one = recorded(project, "one")
    project.git("push", "-q", "--no-verify", server.url, "main")
    queue.add(project.here, queue.Entry("", "origin", "private", {"refs/heads/main": one}, by_url=True))
    away = server.repo.top.with_name("away")
    server.repo.top.rename(away)
    project.git("trace", "push")
    assert private.segments() == {}
    assert [claim.oid for claim in states.load(project.here, "origin").unproven] == [one]
    away.rename(server.repo.top)
    project.git("trace", "push")
    assert set(private.segments()) == {one}
    assert states.load(project.here, "origin").unproven == []


class TestSnapshotsStay:
    @pytest.fixture(params=["shared", "not shared"])
    def made(self, request: pytest.FixtureRequest, make_project: Project, server: Server) -> Recording:
        work = make_project()
        work.git("remote", "add", "origin", server.url)
        work.git("push", "-q", "--no-verify", "origin", "main")
        if request.param == "shared":
            work.git("trace", "init", "--share", "origin")
        recorded(work, "one")
        return work

    @pytest.mark.parametrize(
        "words", [["--mirror", "origin"], ["origin", "refs/*:refs/*"], ["origin", "refs/trace/*:refs/heads/x/*"]]
    )
    def test_a_push_of_them_is_stopped(self, made: Recording, server: Server, words: list[str]) -> None:
        said = through(made.repo, "git", "push", *words, status=1)
        assert said.startswith("fatal: this push would publish 'refs/trace/'")
        assert "git config trace.pushSnapshots true" in said
        assert server.repo.git("for-each-ref", "refs/trace", "refs/heads/x") == ""
        assert server.writers() == []

    def test_so_is_one_by_id(self, made: Recording, server: Server) -> None:
        tree = made.git("for-each-ref", "--format=%(objectname)", "refs/trace")
        through(made.repo, "git", "push", "origin", f"{tree}:refs/trace/x", status=1)
        assert server.repo.git("for-each-ref", "refs/trace") == ""

    @pytest.mark.parametrize("folder", SNAPSHOTS_REFS)
    def test_so_are_those_of_others(self, made: Recording, server: Server, folder: str) -> None:
        made.git("update-ref", f"{folder}x", "HEAD")
        through(made.repo, "git", "push", "origin", f"{folder}x:{folder}x", status=1)
        assert server.repo.git("for-each-ref", folder) == ""

    def test_it_can_be_allowed(self, made: Recording, server: Server) -> None:
        through(made.repo, "git", "-c", "trace.pushSnapshots", "push", "-q", "--mirror", "origin")
        assert server.repo.git("for-each-ref", "refs/trace") != ""
        # taking them away again needs no leave
        ref = server.repo.git("for-each-ref", "--format=%(refname)", "refs/trace")
        through(made.repo, "git", "push", "-q", "origin", "--delete", ref)
        assert server.repo.git("for-each-ref", "refs/trace") == ""

    def test_other_refs_go_as_ever(self, made: Recording, server: Server) -> None:
        through(made.repo, "git", "push", "-q", "origin", "refs/*:refs/*", "^refs/trace/*")
        assert server.repo.git("rev-parse", "main") == made.git("rev-parse", "main")

    def test_behind_a_hook_that_was_there(self, made: Recording, server: Server, tmp_path: Path) -> None:
        made.git("trace", "deinit")
        made.repo.write(".git/hooks/pre-push", f"#!/bin/sh\ncat >>'{tmp_path}/seen'\n", 0o755)
        made.git("trace", "init")
        through(made.repo, "git", "push", "--mirror", "origin", status=1)
        assert "refs/trace/" in (tmp_path / "seen").read_text()
        assert server.repo.git("for-each-ref", "refs/trace") == ""


def test_a_hook_that_refuses_keeps_traces_here(project: Recording, server: Server) -> None:
    project.git("trace", "deinit")
    project.repo.write(".git/hooks/pre-push", "#!/bin/sh\nexit 3\n", 0o755)
    project.git("trace", "init", "--share", "origin")
    recorded(project, "one")
    through(project.repo, "git", "push", "-q", "origin", "main", status=1)
    assert server.writers() == []


@pytest.mark.parametrize("place", ["hooks", "elsewhere"])
def test_what_may_still_refuse_is_waited_for(project: Recording, server: Server, place: str) -> None:
    """A hook manager runs hooks in its own order; what is published before the push has ended would be out."""
    manager = project.repo.git_dir / place / "pre-push"
    project.git("config", "core.hooksPath", str(manager.parent))
    seen = project.repo.top.parent / "seen"
    rest = f"sleep 1; git --git-dir='{server.repo.top}' for-each-ref refs/notes >>'{seen}'; exit ${{REFUSED:-0}}"
    project.repo.write(str(manager), f'#!/bin/sh\n.git/trace/hooks/pre-push "$@"\n{rest}\n', 0o755)
    one = recorded(project, "one")
    through(project.repo, "git", "push", "-q", "origin", "main", status=1, env={"REFUSED": "3"})
    assert server.writers() == []
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert seen.read_bytes() == b""
    assert set(server.segments()) == {one}


def test_nobody_publishes_what_may_still_be_refused(project: Recording, server: Server) -> None:
    manager = project.repo.git_dir / "hooks" / "pre-push"
    project.git("config", "core.hooksPath", str(manager.parent))
    ours = '.git/trace/hooks/pre-push "$@"'
    project.repo.write(str(manager), f"#!/bin/sh\n{ours}\ngit trace push; git trace status >&2; exit 3\n", 0o755)
    recorded(project, "one")
    said = through(project.repo, "git", "push", "-q", "origin", "main", status=1)
    assert "is on its way" in said
    assert server.segments() == {}
    assert waiting(project) == []


def test_many_refs_cost_no_more_than_reading_them(project: Recording, server: Server) -> None:
    lines = "".join(f"create refs/heads/many/{number} HEAD\n" for number in range(300))
    project.repo.git("update-ref", "--stdin", stdin=lines.encode())
    through(project.repo, "git", "push", "-q", "origin", "refs/heads/many/*")
    assert len(server.repo.git("for-each-ref", "refs/heads/many").splitlines()) == 300
    assert waiting(project) == []


def test_the_user_is_asked_nothing(project: Recording, server: Server, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    project.repo.write("../ask", f"#!/bin/sh\ntouch '{asked}'\n", 0o755)
    project.git("remote", "set-url", "origin", "https://localhost:1/nothing.git")
    recorded(project, "one")
    env = {"GIT_ASKPASS": str(tmp_path / "ask"), "SSH_ASKPASS": str(tmp_path / "ask"), "DISPLAY": ":0"}
    through(project.repo, "git", "push", "-q", "origin", "main", status=128, env=env)
    assert not asked.exists()


def test_without_the_program_git_goes_on(project: Recording, server: Server, tmp_path: Path) -> None:
    one = recorded(project, "one")
    publish = project.repo.git_dir / "trace/hooks/publish"
    publish.write_text(publish.read_text().replace("git_trace=/", "git_trace=/gone/", 1))
    env = {
        "PATH": os.pathsep.join(
            p for p in project.repo.env["PATH"].split(os.pathsep) if not shutil.which("git-trace", path=p)
        )
    }
    through(project.repo, "git", "push", "-q", "origin", "main", env=env)
    assert server.repo.git("rev-parse", "main") == one
    through(project.repo, "git", "push", "--mirror", "origin", env=env, status=1)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (pre_push, ["--parent", "42", "--", "origin", "/some where"]),
        (push, []),
        (push, ["-q"]),
        (push, ["--quiet", "origin"]),
        (push, ["origin"]),
    ],
)
def test_what_is_parsed_without_argparse_means_the_same(command: ModuleType, said: list[str]) -> None:
    fast = command.parse_fast(said)
    assert fast is not None
    name = command.__name__.rpartition(".")[2].replace("_", "-")
    assert vars(fast) == vars(build_parser(find(name)).parse_args(said))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (pre_push, []),
        (pre_push, ["origin", "url"]),
        (pre_push, ["--parent", "x", "--", "a", "b"]),
        (pre_push, ["--parent", "1", "a", "b"]),
        (push, ["-h"]),
        (push, ["a", "b"]),
        (push, ["-q", "-q"]),
        (push, ["--all", "origin"]),
        (push, ["origin", "--json"]),
    ],
)
def test_the_rest_is_left_to_argparse(command: ModuleType, said: list[str]) -> None:
    assert command.parse_fast(said) is None


def test_what_was_pushed_before_is_hinted_at(make_project: Project, server: Server) -> None:
    project = make_project()
    project.git("remote", "add", "origin", server.url)
    for name in ("one", "two"):
        recorded(project, name)
    project.git("push", "-q", "--no-verify", "origin", "main")
    recorded(project, "three")
    project.git("trace", "init", "-q", "--share", "origin")
    assert project.repo.errors == ""
    project.git("trace", "init", "--share", "origin")
    assert project.repo.errors.splitlines() == [
        "hint: commits that 'origin' has already carry 4 segments of 2 traces",
        "hint: to publish these too: git trace push origin",
    ]
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert len(server.segments()) == 1
    project.git("trace", "init", "--share", "origin")
    assert "carry 4 segments of 2 traces" in project.repo.errors
    project.git("trace", "push", "origin")
    assert len(server.segments()) == 3
    project.git("trace", "init", "--share", "origin")
    assert project.repo.errors == ""
