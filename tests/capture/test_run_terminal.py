"""A recorded command under a terminal has one of its own, and behaves as it would in the user's."""

import os
import re
import shutil
import signal
import sys
import time

import pytest

from tests.capture.harness import Recording, Terminal, alive
from tests.support.waiting import until

INTERRUPT, QUIT, SUSPEND, END = "\x03", "\x1c", "\x1a", "\x04"


def test_each_descriptor_is_a_terminal(recording: Recording) -> None:
    code = "import os; print([os.isatty(i) for i in range(3)], os.ttyname(0) == os.ttyname(1) == os.ttyname(2))"
    child = recording.spawn(sys.executable, "-c", code)
    child.expect_exact("[True, True, True] True")
    assert child.end() == 0
    assert recording.result()["terminal"]
    assert recording.result()["text"] == "[True, True, True] True\n"


@pytest.mark.parametrize(
    ("redirection", "expected"),
    [
        (">out", "[True, False, True]"),
        (">out 2>&1", "[True, False, False]"),
        ("</dev/null", "[False, True, True]"),
        ("2>err", "[True, True, False]"),
        ("| cat", "[True, False, True]"),
    ],
)
def test_what_is_redirected_is_no_terminal(recording: Recording, redirection: str, expected: str) -> None:
    code = "import os; open('seen', 'w').write(str([os.isatty(i) for i in range(3)]))"
    words = " ".join(f"'{word}'" for word in recording.argv(sys.executable, "-c", code.replace("'", '"')))
    child = Terminal("sh", ["-c", f"{words} {redirection}"], cwd=str(recording.directory), env=recording.env)
    assert child.end() == 0
    assert (recording.directory / "seen").read_text() == expected


def test_errors_that_are_redirected_go_where_they_should(recording: Recording) -> None:
    words = " ".join(f"'{word}'" for word in recording.argv("sh", "-c", "echo out; echo err >&2"))
    child = Terminal("sh", ["-c", f"{words} 2>err"], cwd=str(recording.directory), env=recording.env)
    child.expect_exact("out\r\n")
    assert child.end() == 0
    assert (recording.directory / "err").read_text() == "err\n"
    assert sorted(recording.result()["text"].splitlines()) == ["err", "out"]


@pytest.mark.parametrize(("command", "status"), [("exit 3", 3), ("kill -TERM $$", -15), ("kill -INT $$", -2)])
def test_ends_as_the_command(recording: Recording, command: str, status: int) -> None:
    assert recording.spawn("sh", "-c", command).end() == status
    assert recording.result()["exit_code"] == (status if status >= 0 else 128 - status)


def test_command_that_is_not_there(recording: Recording) -> None:
    child = recording.spawn("no-such-command")
    child.expect_exact("error: cannot run 'no-such-command': No such file or directory\r\n")
    assert child.end() == 127


@pytest.mark.parametrize(("key", "number"), [(INTERRUPT, signal.SIGINT), (QUIT, signal.SIGQUIT)])
def test_key_reaches_the_command(recording: Recording, key: str, number: signal.Signals) -> None:
    child = recording.spawn("sh", "-c", "ulimit -c 0; echo ready; exec sleep 30")
    child.expect_exact("ready")
    child.send(key)
    assert child.end() == -number
    assert recording.result()["signal"] == number


def test_key_reaches_the_command_once(recording: Recording) -> None:
    child = recording.spawn("sh", "-c", "trap 'echo got' INT; echo ready; sleep 1; sleep 1; exit 7")
    child.expect_exact("ready")
    child.send(INTERRUPT)
    assert child.end() == 7
    assert recording.result()["text"].count("got") == 1


def test_interrupt_in_pipes_reaches_the_command_once(recording: Recording) -> None:
    shell = recording.shell()
    shell.sendline(
        "rec sh -c 'trap \"echo got >>log\" INT; echo ready >&2; sleep 1; sleep 1; exit 7' | (trap '' INT; cat)"
    )
    shell.expect_exact("ready\r\n")
    shell.send(INTERRUPT)
    shell.expect_exact("ready> ")
    shell.sendline("echo status:${PIPESTATUS[0]}")
    shell.expect_exact("status:7")
    assert (recording.directory / "log").read_text() == "got\n"


def test_window_size_is_followed_where_only_the_output_is_a_terminal(recording: Recording) -> None:
    script = "trap 'stty size <&1' WINCH; stty size <&1; while :; do sleep .1; done"
    words = " ".join(f"'{word}'" for word in recording.argv("sh", "-c", script.replace("'", '"')))
    child = Terminal("sh", ["-c", f"exec {words} </dev/null"], cwd=str(recording.directory), env=recording.env)
    child.expect_exact("24 80\r\n")
    child.setwinsize(40, 99)
    child.expect_exact("40 99\r\n")
    child.send(INTERRUPT)
    assert child.end() == -signal.SIGINT
    assert not recording.result()["terminal"]


def test_line_editing_echo_and_end_of_file(recording: Recording) -> None:
    child = recording.spawn("cat")
    child.sendline("one")
    child.expect_exact("one\r\none\r\n")
    child.send("twx\x7fo\r")
    child.expect_exact("two\r\n")
    child.send(END)
    assert child.end() == 0


def test_window_size_is_followed(recording: Recording) -> None:
    child = recording.spawn("sh", "-c", "trap 'stty size' WINCH; stty size; while :; do sleep .1; done", size=(33, 101))
    child.expect_exact("33 101\r\n")
    child.setwinsize(40, 99)
    child.expect_exact("40 99\r\n")
    child.send(INTERRUPT)
    assert child.end() == -signal.SIGINT


def test_large_input_and_output(recording: Recording) -> None:
    child = recording.spawn("sh", "-c", "stty raw -echo; echo ready; head -c 300000 | cksum; seq 200000")
    child.expect_exact("ready")
    for _ in range(300):
        child.send("x" * 1000)
    child.expect(r"\d+ 300000")
    child.expect_exact("\n200000")
    assert child.end() == 0
    assert recording.result()["spooled"]


def _back_in(shell: Terminal) -> None:
    """Wait for the prompt, and a moment more: bash doesn't wait for its grandchildren to have stopped reading."""
    shell.expect_exact("ready> ")
    time.sleep(0.3)


def test_stop_and_foreground(recording: Recording) -> None:
    shell = recording.shell()
    shell.sendline("rec sh -c 'echo ready; read x; echo got:$x; exit 6'")
    shell.expect_exact("ready\r\n")
    shell.send(SUSPEND)
    shell.expect_exact("Stopped")
    shell.expect_exact("ready> ")
    shell.sendline("echo between; jobs")
    shell.expect_exact("Stopped")
    _back_in(shell)
    shell.sendline("fg")
    shell.expect_exact("\r\n")
    shell.sendline("word")
    shell.expect_exact("got:word")
    shell.expect_exact("ready> ")
    shell.sendline("echo status:$?")
    shell.expect_exact("status:6")


def test_stop_and_foreground_as_a_subcommand_of_git(recording: Recording) -> None:
    git = recording.as_subcommand()
    shell = recording.shell()
    for redirection in ("", "| cat"):
        shell.sendline(f"{git} sh -c 'echo ready >&2; read x; echo got:$x >&2' {redirection}")
        shell.expect_exact("ready\r\n")
        shell.send(SUSPEND)
        shell.expect_exact("Stopped")
        _back_in(shell)
        shell.sendline("fg")
        shell.expect_exact("\r\n")
        shell.sendline("word")
        shell.expect_exact("got:word")
        shell.expect_exact("ready> ")


@pytest.mark.parametrize("redirection", ["", "| (trap '' INT; cat)", "</dev/null"])
def test_interrupt_of_a_subcommand_of_git_reaches_the_command_once(recording: Recording, redirection: str) -> None:
    git = recording.as_subcommand()
    shell = recording.shell()
    # what git adds comes later than the key: it must find the command at work
    script = 'trap "echo got >>log" INT; echo ready >&2; sleep 1; sleep 1; exit 7'
    shell.sendline(f"{git} sh -c '{script}' {redirection}")
    shell.expect_exact("ready\r\n")
    shell.send(INTERRUPT)
    shell.expect_exact("ready> ")
    assert recording.result()["exit_code"] == 7
    assert (recording.directory / "log").read_text() == "got\n"


def test_stop_twice_and_background(recording: Recording) -> None:
    shell = recording.shell()
    shell.sendline("rec sh -c 'while [ ! -e stop ]; do sleep .05; done; echo over; exit 9'")
    time.sleep(0.5)
    for _ in range(2):
        shell.send(SUSPEND)
        shell.expect_exact("Stopped")
        _back_in(shell)
        shell.sendline("fg")
        shell.expect_exact("\r\n")
        time.sleep(0.3)
    shell.send(SUSPEND)
    shell.expect_exact("ready> ")
    shell.sendline("bg")
    shell.expect_exact("ready> ")
    (recording.directory / "stop").touch()
    assert recording.result()["exit_code"] == 9
    shell.sendline("wait %1; echo status:$?")
    shell.expect_exact("status:9")


def test_stop_in_pipes(recording: Recording) -> None:
    shell = recording.shell()
    shell.sendline("rec sh -c 'echo ready >&2; read x; echo got:$x >&2' | cat")
    shell.expect_exact("ready\r\n")
    shell.send(SUSPEND)
    shell.expect_exact("Stopped")
    _back_in(shell)
    shell.sendline("fg")
    shell.expect_exact("\r\n")
    shell.sendline("word")
    shell.expect_exact("got:word")


def test_started_in_the_background_it_waits_for_the_terminal(recording: Recording) -> None:
    shell = recording.shell()
    shell.sendline("rec sh -c 'echo running; read x; echo got:$x; exit 4' &")
    shell.expect_exact("running")
    shell.sendline("")
    shell.sendline("echo still here")
    shell.expect_exact("still here\r\n")
    until(lambda: _stopped(shell), "the job to be stopped for reading")
    shell.sendline("fg")
    shell.expect_exact("sh -c")
    shell.expect_exact("\r\n")
    time.sleep(0.3)
    shell.sendline("word")
    shell.expect_exact("got:word")
    shell.expect_exact("ready> ")
    shell.sendline("echo status:$?")
    shell.expect_exact("status:4")


def _stopped(shell: Terminal) -> bool:
    shell.sendline("jobs; echo end-of-jobs")
    shell.expect_exact("\r\nend-of-jobs\r\n")
    return "Stopped" in str(shell.before)


def test_shell_with_job_control_inside(recording: Recording) -> None:
    child = recording.spawn("bash", "--norc", "--noprofile", "-i")
    child.expect_exact("$ ")
    child.sendline("sleep 100")
    time.sleep(0.5)
    child.send(SUSPEND)
    child.expect_exact("Stopped")
    child.sendline("fg")
    child.expect_exact("sleep 100")
    time.sleep(0.3)
    child.send(INTERRUPT)
    child.expect_exact("$ ")
    child.sendline("exit 5")
    assert child.end() == 5


@pytest.mark.skipif(not shutil.which("vim"), reason="no vim")
def test_full_screen_program(recording: Recording) -> None:
    child = recording.spawn("sh", "-c", "echo before; vim -u NONE -i NONE file; echo after")
    child.expect_exact("before")
    time.sleep(1)
    child.send("ihello\x1b:wq\r")
    child.expect_exact("after")
    assert child.end() == 0
    assert (recording.directory / "file").read_text() == "hello\n"
    assert recording.result()["text"].splitlines()[0] == "before"
    assert recording.result()["text"].splitlines()[-1] == "after"
    assert "~" not in recording.result()["text"]


def test_terminal_is_left_as_it_was(recording: Recording) -> None:
    script = 'before=$(stty -g); "$@"; [ "$before" = "$(stty -g)" ] && echo same'
    command = recording.argv("sh", "-c", "stty raw -echo; kill -KILL $$")
    child = Terminal("sh", ["-c", script, "sh", *command], cwd=str(recording.directory), env=recording.env)
    child.expect_exact("same")


def test_killed_waiting_process_leaves_terminal_and_command_unharmed(recording: Recording) -> None:
    shell = recording.shell()
    shell.sendline("rec sh -c 'echo pid:$PPID; while [ ! -e stop ]; do sleep .05; done; echo over; exit 9'")
    worker = shell.found(r"pid:(\d+)")
    with open(f"/proc/{worker}/stat", encoding="ascii") as file:
        waiter = int(file.read().rpartition(")")[2].split()[1])
    os.kill(waiter, signal.SIGKILL)
    shell.expect_exact("Killed")
    shell.expect_exact("ready> ")
    shell.sendline("stty -a | grep -o '[-]*icanon'")
    shell.expect_exact("\r\nicanon\r\n")
    (recording.directory / "stop").touch()
    shell.expect_exact("over")
    assert recording.result()["exit_code"] == 9


def test_signal_to_the_waiting_process_reaches_the_command(recording: Recording) -> None:
    child = recording.spawn("sh", "-c", "trap 'echo term; exit 8' TERM; echo ready; while :; do sleep .05; done")
    child.expect_exact("ready")
    child.kill(signal.SIGTERM)
    child.expect_exact("term")
    assert child.end() == 8


def test_hangup_reaches_the_command(recording: Recording) -> None:
    child = recording.spawn("sh", "-c", "trap 'echo hup >log; exit 8' HUP; echo ready; while :; do sleep .05; done")
    child.expect_exact("ready")
    child.hang_up()
    assert recording.result()["exit_code"] == 8
    assert (recording.directory / "log").read_text() == "hup\n"


def test_hangup_ends_a_reader(recording: Recording) -> None:
    child = recording.spawn("sh", "-c", "trap '' HUP; echo ready; cat; echo end >log")
    child.expect_exact("ready")
    child.hang_up()
    assert recording.result()["exit_code"] == 0
    assert (recording.directory / "log").exists()


def test_child_that_lives_on_keeps_the_terminal(recording: Recording) -> None:
    shell = recording.shell()
    wait = "until [ -e go ]; do sleep 0.1; done"
    shell.sendline(f"rec sh -c '({wait}; echo late; echo $? >log) & echo now'; echo prompt")
    shell.expect_exact("now\r\n")
    shell.expect_exact("prompt\r\n")
    (recording.directory / "go").touch()
    shell.expect_exact("late")
    until((recording.directory / "log").exists, "the child's end")
    assert recording.result()["text"] == "now\n"


def test_child_that_lives_on_without_the_terminal_is_not_hung_up(recording: Recording) -> None:
    shell = recording.shell()
    shell.sendline("rec sh -c 'sleep 30 >/dev/null 2>&1 </dev/null & echo pid:$!'; echo prompt")
    pid = shell.found(r"pid:(\d+)")
    shell.expect_exact("prompt\r\n")
    recorder = int((recording.directory / "result.json.pid").read_text())
    until(lambda: not alive(recorder), "the recorder's end")
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_nohup(recording: Recording) -> None:
    shell = recording.shell()
    words = " ".join(f"'{word}'" for word in recording.argv("sh", "-c", "echo $$; sleep 1; echo end"))
    shell.sendline(f"nohup {words} >out 2>&1 &")
    shell.expect_exact("ready> ")
    out = recording.directory / "out"
    found = until(lambda: out.exists() and re.search(r"^(\d+)\n", out.read_text(), re.MULTILINE), "the start")
    os.kill(int(found[1]), signal.SIGHUP)
    shell.close(force=True)
    assert recording.result()["exit_code"] == 0
    assert out.read_text().endswith("end\n")
