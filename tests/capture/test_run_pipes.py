"""A recorded command whose output is no terminal behaves as it would unrecorded."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.capture.harness import Recording, alive, line
from tests.support.waiting import PATIENCE, until


@pytest.mark.parametrize("code", [0, 1, 77, 255])
def test_exit_status_is_the_commands(recording: Recording, code: int) -> None:
    done = recording.run("sh", "-c", f"echo out; echo err >&2; exit {code}")
    assert (done.returncode, done.stdout, done.stderr) == (code, b"out\n", b"err\n")
    result = recording.result()
    assert result["exit_code"] == code
    assert result["signal"] is None
    assert not result["terminal"]
    assert sorted(result["text"].splitlines()) == ["err", "out"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGUSR1])
def test_dies_by_the_signal_that_killed_the_command(recording: Recording, number: signal.Signals) -> None:
    done = recording.run("sh", "-c", f"kill -{number.value} $$")
    assert done.returncode == -number
    assert recording.result()["exit_code"] == 128 + number
    assert recording.result()["signal"] == number
    assert not list(recording.directory.glob("core*"))


def test_command_that_is_not_there(recording: Recording) -> None:
    done = recording.run("no-such-command")
    assert done.returncode == 127
    assert done.stderr == b"error: cannot run 'no-such-command': No such file or directory\n"
    assert recording.result()["exit_code"] == 127
    assert recording.result()["text"] == done.stderr.decode()


def test_command_that_may_not_be_executed(recording: Recording) -> None:
    (recording.directory / "script").write_text("#!/bin/sh\n")
    assert recording.run("./script").returncode == 126
    assert recording.run("/").returncode == 126


def test_script_without_interpreter_is_run_by_sh(recording: Recording) -> None:
    script = recording.directory / "script"
    script.write_text('echo "$0 $1"\n')
    script.chmod(0o755)
    assert recording.run("./script", "x").stdout == b"./script x\n"


def test_found_on_path_past_what_cannot_be_executed(recording: Recording) -> None:
    for name, mode in (("one", 0o644), ("two", 0o755)):
        (recording.directory / name).mkdir()
        program = recording.directory / name / "prog"
        program.write_text(f"#!/bin/sh\necho {name}\n")
        program.chmod(mode)
    path = f"{recording.directory}/none:{recording.directory}/one:{recording.directory}/two:{recording.env['PATH']}"
    assert recording.run("prog", driver={"PATH": path}).stdout == b"two\n"


def test_argv_reaches_the_command_byte_for_byte(recording: Recording) -> None:
    words = ["", " ", "a b", "*", "'", '"', "\n", "ü", os.fsdecode(b"\xff")]
    done = recording.run("printf", "[%s]", *words)
    assert done.stdout == b"".join(b"[" + os.fsencode(word) + b"]" for word in words)


def test_environment_is_the_callers(recording: Recording) -> None:
    extra = {"LANG": "C", "ODD": "a\nb=c", "BYTES": os.fsdecode(b"\xfe")}
    bare = subprocess.run(["env", "-0"], env=recording.env | extra, stdout=subprocess.PIPE, cwd=recording.directory)
    assert recording.run("env", "-0", driver=extra).stdout == bare.stdout


@pytest.mark.parametrize(
    "extra", [{}, {"GIT_EXEC_PATH": os.fsdecode(subprocess.check_output(["git", "--exec-path"]))[:-1]}]
)
def test_gits_subcommand_has_the_environment_of_the_users_shell(recording: Recording, extra: dict[str, str]) -> None:
    git = recording.as_subcommand()
    env = recording.env | extra
    seen = subprocess.run(
        [*git.split(), "env", "-0"], env=env, cwd=recording.directory, stdout=subprocess.PIPE, check=True
    ).stdout.split(b"\0")
    argv = ["sh", "-c", "exec env -0"]
    bare = subprocess.run(argv, env=env, cwd=recording.directory, stdout=subprocess.PIPE).stdout.split(b"\0")
    assert set(seen) == set(bare)


def test_gits_own_directory_stays_in_path_where_the_caller_has_it(recording: Recording) -> None:
    path = f"/usr/lib/git-core:{recording.env['PATH']}"
    assert recording.run("sh", "-c", 'printf %s "$PATH"', driver={"PATH": path}).stdout == path.encode()


def test_signals_are_as_the_caller_had_them(recording: Recording) -> None:
    ignored = "[n for n in s.valid_signals() if s.getsignal(n) == s.SIG_IGN]"
    show = f"import signal as s; print({ignored}, s.pthread_sigmask(0, []))"
    program = f"{sys.executable} -c '{show}'"
    # the shell's ignored signals are inherited, as those of nohup are
    script = f"trap '' HUP INT USR2; {program}; \"$@\""
    done = recording.run("true")
    argv = ["sh", "-c", script, "sh", *recording.argv(sys.executable, "-c", show)]
    done = subprocess.run(argv, env=recording.env, stdout=subprocess.PIPE, cwd=recording.directory)
    bare, recorded = done.stdout.splitlines()
    assert bare == recorded


def test_sigpipe_has_its_default(recording: Recording) -> None:
    done = recording.run("sh", "-c", "yes | head -1; kill -PIPE $$; echo survived")
    assert done.stdout == b"y\n"
    assert done.returncode == -signal.SIGPIPE


def test_umask_directory_and_limits(recording: Recording) -> None:
    show = "umask; pwd; ulimit -a"
    run = f"umask 027; ulimit -n 99; cd sub; sh -c '{show}'; \"$@\" sh -c '{show}'"
    (recording.directory / "sub").mkdir()
    done = subprocess.run(
        ["sh", "-c", run, "sh", *recording.argv()], env=recording.env, stdout=subprocess.PIPE, cwd=recording.directory
    )
    lines = done.stdout.splitlines()
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]


def test_order_of_output_and_errors_that_go_to_one_place_is_exact(recording: Recording) -> None:
    count = 300
    script = f"i=0; while [ $i -lt {count} ]; do echo $i; echo $i >&2; i=$((i+1)); done"
    done = recording.run("sh", "-c", script, stderr=subprocess.STDOUT)
    expected = "".join(f"{i}\n{i}\n" for i in range(count))
    assert done.stdout.decode() == expected
    assert recording.result()["text"] == expected


def test_order_of_two_pipes_is_that_of_arrival(recording: Recording) -> None:
    done = recording.run("sh", "-c", "echo 1; sleep .1; echo 2 >&2; sleep .1; echo 3; sleep .1; echo 4 >&2")
    assert (done.stdout, done.stderr) == (b"1\n3\n", b"2\n4\n")
    assert recording.result()["text"] == "1\n2\n3\n4\n"


def test_large_output_is_relayed_whole_and_spooled(recording: Recording) -> None:
    size = 100_000_000
    script = f"import os\nfor i in range({size} // 1000): os.write(1, b'%0999d\\n' % i)"
    done = recording.run(sys.executable, "-c", script)
    assert len(done.stdout) == size
    result = recording.result()
    assert result["total"] == size
    assert result["spooled"]
    assert result["sha256"] == hashlib.sha256(done.stdout).hexdigest()
    assert result["text"].startswith(f"{0:0999}\n")
    assert result["text"].endswith(f"{size // 1000 - 1:0999}\n")
    assert " bytes left out ...]\n" in result["text"]
    assert not [name for name in os.listdir(recording.directory) if name.startswith("output-")]


def test_output_during_the_preparation_is_neither_lost_nor_late(recording: Recording) -> None:
    with recording.start("sh", "-c", "echo early; sleep 9", stdout=subprocess.PIPE, driver={"DRIVER_BEGAN": "5"}) as p:
        began = time.monotonic()
        assert line(p.stdout) == b"early\n"
        assert time.monotonic() - began < 4
        p.terminate()
        assert p.wait(PATIENCE) == -signal.SIGTERM
    assert recording.result()["text"] == "early\n"
    assert recording.result()["duration"] < 5


def test_reader_that_goes_away_ends_the_command(recording: Recording) -> None:
    with recording.start("sh", "-c", "yes; echo $? >&2", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert line(process.stdout) == b"y\n"
        assert process.stdout
        process.stdout.close()
        assert process.wait(PATIENCE) == 0
        assert line(process.stderr) == f"{128 + signal.SIGPIPE}\n".encode()


def test_reader_that_goes_away_is_noticed_before_the_next_write(recording: Recording) -> None:
    script = "echo 1; read line; echo 2; echo $? > status"
    with recording.start(
        "sh", "-c", f"trap '' PIPE; {script}", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert line(process.stdout) == b"1\n"
        assert process.stdout
        process.stdout.close()
        time.sleep(0.2)
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.close()
        process.wait(PATIENCE)
    assert (recording.directory / "status").read_text() != "0\n"


def test_slow_reader_holds_the_command_back(recording: Recording) -> None:
    script = "i=0; while :; do head -c 100000 /dev/zero; i=$((i+1)); echo $i > written; done"
    with recording.start("sh", "-c", script, stdout=subprocess.PIPE) as process:
        written = recording.directory / "written"
        until(written.exists, "the first write")
        time.sleep(1)
        assert int(written.read_text() or 0) < 60
        process.terminate()
        process.communicate(timeout=PATIENCE)


def test_stalled_output_does_not_hold_errors_back(recording: Recording) -> None:
    script = "(yes &) ; sleep 1; echo warning >&2; sleep 20"
    with recording.start("sh", "-c", script, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert line(process.stderr) == b"warning\n"
        process.terminate()
        assert process.stdout
        process.stdout.close()
        process.wait(PATIENCE)


def test_output_that_cannot_be_written_is_told(recording: Recording) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    with open("/dev/full", "wb") as full:
        done = recording.run("sh", "-c", "echo x; sleep .2; echo y", stdout=full)
    assert f"error: cannot write to standard output: {os.strerror(errno.ENOSPC)}\n".encode() in done.stderr


def test_standard_input_is_passed_on(recording: Recording) -> None:
    data = os.urandom(3_000_000)
    assert recording.run("cat", input=data).stdout == data


def test_standard_input_that_the_command_left_is_left(recording: Recording) -> None:
    path = recording.directory / "in"
    path.write_text("one\ntwo\nthree\n")
    argv = ["sh", "-c", '"$@"; cat', "sh", *recording.argv("sh", "-c", "read x; echo got $x")]
    with path.open() as stdin:
        done = subprocess.run(argv, stdin=stdin, stdout=subprocess.PIPE, env=recording.env, cwd=recording.directory)
    assert done.stdout == b"got one\ntwo\nthree\n"


@pytest.mark.parametrize("fd", [0, 1, 2])
def test_closed_descriptor_stays_closed(recording: Recording, fd: int) -> None:
    check = (
        "import os, sys; x = [os.path.exists(f'/dev/fd/{i}') for i in range(3)]; open(sys.argv[1], 'w').write(str(x))"
    )
    path = recording.directory / "fds"
    argv = recording.argv(sys.executable, "-c", check, str(path))
    subprocess.run(
        ["sh", "-c", f'"$@" {fd}>&-', "sh", *argv],
        env=recording.env,
        cwd=recording.directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    assert path.read_text() == str([i != fd for i in range(3)])


def test_extra_descriptors_reach_the_command_and_close_with_it(recording: Recording) -> None:
    read_end, write_end = os.pipe()
    script = f"echo through >&{write_end}; exec {write_end}>&-; echo closed; sleep 20"
    with recording.start("bash", "-c", script, stdout=subprocess.PIPE, pass_fds=[write_end]) as process:
        os.close(write_end)
        assert line(process.stdout) == b"closed\n"
        with os.fdopen(read_end, "rb") as reader:
            assert reader.read() == b"through\n"  # to its end: nobody else has it open
        process.terminate()


def test_no_descriptor_of_ours_reaches_the_command(recording: Recording) -> None:
    done = recording.run(sys.executable, "-c", "import os; print(sorted(map(int, os.listdir('/dev/fd')))[:-1])")
    assert done.stdout == b"[0, 1, 2]\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2])
def test_signal_to_the_waiting_process_reaches_the_command_once(recording: Recording, number: signal.Signals) -> None:
    script = f"trap 'echo got; n=1' {number.value}; echo ready; while [ ! $n ]; do sleep .05; done; sleep .3; exit 7"
    with recording.start("sh", "-c", script, stdout=subprocess.PIPE) as process:
        assert line(process.stdout) == b"ready\n"
        process.send_signal(number)
        assert process.communicate(timeout=PATIENCE)[0] == b"got\n"
        assert process.returncode == 7


def test_killed_waiting_process_leaves_the_command_and_its_recording_unharmed(recording: Recording) -> None:
    script = "echo one; read go; sleep .3; echo two; echo three >&2; exit 4"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with recording.start("sh", "-c", script, **pipes) as process:
        assert line(process.stdout) == b"one\n"
        process.kill()
        assert process.wait(PATIENCE) == -signal.SIGKILL
        out, err = process.communicate(b"\n", timeout=PATIENCE)
        assert (out, err) == (b"two\n", b"three\n")
    result = recording.result()
    assert result["exit_code"] == 4
    assert sorted(result["text"].splitlines()) == ["one", "three", "two"]


def test_killed_job_is_recorded(recording: Recording) -> None:
    with recording.start("sh", "-c", "echo one; sleep 30", stdout=subprocess.PIPE, start_new_session=True) as process:
        assert line(process.stdout) == b"one\n"
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(PATIENCE) == -signal.SIGKILL
    assert recording.result()["signal"] == signal.SIGKILL
    assert recording.result()["text"] == "one\n"


def test_alarm_of_the_caller_reaches_the_command(recording: Recording) -> None:
    # an alarm survives exec; this is how macOS spells timeout(1)
    argv = recording.argv("sh", "-c", "echo x; exec sleep 30")
    code = "import os, signal, sys; signal.alarm(1); os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, *argv], env=recording.env, cwd=recording.directory)
    assert done.returncode == -signal.SIGALRM


def test_timeout_ends_the_command(recording: Recording) -> None:
    started = recording.directory / "started"
    # on a busy machine Python alone takes longer to start than a command should here
    for seconds in ("0.5", "5", "50"):
        argv = ["timeout", seconds, *recording.argv("sh", "-c", "touch started; exec sleep 300")]
        assert subprocess.run(argv, env=recording.env, cwd=recording.directory).returncode == 124
        if started.exists():
            break
    assert recording.result()["signal"] == signal.SIGTERM


def test_child_that_lives_on_keeps_its_output(recording: Recording) -> None:
    late = "i=0; until [ -e go ] || [ $((i+=1)) -gt 2000 ]; do sleep .05; done; echo late; echo $? >status"
    with recording.start("sh", "-c", f"({late}) & echo now", stdout=subprocess.PIPE) as p:
        assert p.wait(PATIENCE) == 0
        (recording.directory / "go").touch()
        assert p.communicate(timeout=PATIENCE)[0] == b"now\nlate\n"
    assert recording.result()["text"] == "now\n"
    assert (recording.directory / "status").read_text() == "0\n"


def test_child_that_holds_nothing_is_not_waited_for(recording: Recording) -> None:
    done = recording.run("sh", "-c", "sleep 3 >/dev/null 2>&1 </dev/null & echo $!")
    assert alive(int(done.stdout))
    recorder = int(Path(f"{recording.result_file}.pid").read_text())
    until(lambda: not alive(recorder), "the recorder's end")
    os.kill(int(done.stdout), signal.SIGKILL)


def test_stopped_command_stops_who_waits_for_it(recording: Recording) -> None:
    script = "echo $$; kill -STOP $$; echo on; exit 3"
    with recording.start("sh", "-c", script, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert int(line(process.stdout))
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=PATIENCE)[0] == b"on\n"
        assert process.returncode == 3


def test_what_recording_raises_is_told_and_harms_nothing(recording: Recording) -> None:
    done = recording.run("sh", "-c", "echo out; exit 5", driver={"DRIVER_RAISE": "boom"})
    assert (done.returncode, done.stdout) == (5, b"out\n")
    assert done.stderr == b"failed: boom\nfailed: boom\n"


def test_waits_for_the_recording(recording: Recording) -> None:
    assert recording.run("true", driver={"DRIVER_ENDED": "0.5"}).returncode == 0
    assert recording.result_file.exists()


def test_a_recording_that_takes_too_long_can_be_left(recording: Recording) -> None:
    with recording.start("sh", "-c", "exit 6", driver={"DRIVER_ENDED": "2"}) as process:
        until(Path(f"{recording.result_file}.pid").exists, "the command's start")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 6
        assert not recording.result_file.exists()
    assert recording.result()["exit_code"] == 6


def test_recorder_that_is_killed_is_told(recording: Recording) -> None:
    with recording.start("sleep", "1", stderr=subprocess.PIPE) as process:
        pid = Path(f"{recording.result_file}.pid")
        until(lambda: pid.exists() and pid.read_text(), "the command's start")
        os.kill(int(pid.read_text()), signal.SIGKILL)
        err = process.communicate(timeout=PATIENCE)[1]
        assert process.returncode
        assert b"cannot tell how the command ended" in err
