"""git trace demo."""

import argparse
import os
import shutil
import sys
import tempfile

from gittrace.git.process import Process
from gittrace.text import decode

DESCRIPTION = """\
Record a small real trace in a temporary repository, and show its log, one event and its export. Nothing outside of that
directory is touched, and it is removed at the end unless --keep is given."""

_PARSER = "def first_word(text):\n    return text.split()[0]\n"
_FIXED = 'def first_word(text):\n    words = text.split()\n    return words[0] if words else ""\n'
_TEST = """\
import unittest
from words import first_word

class FirstWord(unittest.TestCase):
    def test_sentence(self):
        self.assertEqual(first_word("a b"), "a")

    def test_empty(self):
        self.assertEqual(first_word(""), "")

unittest.main()
"""
_SHOWN = 1200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--keep", action="store_true", help="keep the repository and say where it is")


def run(args: argparse.Namespace) -> int:
    """Record the demo."""
    home = tempfile.mkdtemp(prefix="git-trace-demo-")
    demo = None
    try:
        demo = _Demo(home)
        demo.play()
    finally:
        os.chdir("/")
        if not args.keep:
            shutil.rmtree(home)
    if args.keep:
        print(f"\nThe repository is '{os.path.join(home, 'words')}'")
    return int(demo.failed)


class _Demo:
    def __init__(self, home: str) -> None:
        self.top = os.path.join(home, "words")
        self.failed = False
        os.mkdir(self.top)
        os.chdir(self.top)
        config = os.path.join(home, "config")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "XDG_"))}
        self.env = kept | {
            # the user's configuration, identity and keyring stay out of it
            "HOME": home,
            "XDG_CONFIG_HOME": config,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "A Developer",
            "GIT_AUTHOR_EMAIL": "developer@example.com",
            "GIT_COMMITTER_NAME": "A Developer",
            "GIT_COMMITTER_EMAIL": "developer@example.com",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def play(self) -> None:
        """Tell the story: a test fails, it is mended, committed, and looked at."""
        self._write(".gitignore", "__pycache__/\n")
        self._write("words.py", _PARSER)
        self._write("test_words.py", _TEST)
        self._run("git", "init", "-q", "-b", "main", quiet=True)
        self._run("git", "config", "trace.seal", "now", quiet=True)
        self._run("git", "add", "-A", quiet=True)
        self._run("git", "commit", "-q", "-m", "words: the first of a text", quiet=True)
        python = "python3" if shutil.which("python3") else sys.executable
        test = ("--", python, "test_words.py")
        self._trace("start", "-m", "fix crash on empty input")
        self._trace("run", "-m", "reproduce it first", *test)
        self._write("words.py", _FIXED)
        print("\n# words.py is edited: an empty text has no first word")
        self._trace("run", "-m", "guard the empty case", *test)
        self._run("git", "commit", "-q", "-am", "words: accept empty input")
        self._trace("stop", "--success")
        self._trace("log")
        self._trace("show", "HEAD")
        self._trace("verify")
        exported = self._trace("export", quiet=True)
        print("\n$ git trace export")
        print(exported[:_SHOWN].rstrip("\n") + f"… ({len(exported.encode())} bytes in all)")

    def _write(self, name: str, content: str) -> None:
        with open(os.path.join(self.top, name), "w", encoding="utf-8") as file:
            file.write(content)

    def _trace(self, *args: str, quiet: bool = False) -> str:
        return self._run("git", "trace", *args, quiet=quiet)

    def _run(self, *argv: str, quiet: bool = False) -> str:
        """Show a command line, run it, show what it printed, and return its standard output."""
        if not quiet:
            print("\n$ " + " ".join(f'"{word}"' if " " in word else word for word in argv), flush=True)
        program = [sys.executable, "-m", "gittrace.main", *argv[2:]] if argv[:2] == ("git", "trace") else list(argv)
        code, out, err = Process(program, self.env).finish()
        # the first run of the test fails, and that is the story
        self.failed |= code != 0 and argv[2:3] != ("run",)
        text = decode(out)
        if not quiet:
            sys.stdout.write(text)
            sys.stdout.write(decode(err))
        return text
