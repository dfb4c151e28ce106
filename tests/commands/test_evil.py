"""Notes of others are data: whatever they hold, every reading command ends by itself, in bounded memory, in words."""

import base64
import hashlib
import json
import resource
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import zstandard

from gittrace.main import main
from gittrace.model.segment import encode
from gittrace.vocabulary import REMOTE_NOTES_REFS
from tests.support.recording import Recording

OID, OTHER = "1" * 40, "2" * 40
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2066\r\b\x00\x7f\u200b"
SECONDS = 120
MEMORY = 1 << 30


class Ids:
    """The ids that the next evil thing goes by."""

    number = 0

    @classmethod
    def trace(cls) -> str:
        return f"e711{cls.number:04d}-0000-4000-8000-000000000001"

    @classmethod
    def session(cls) -> str:
        return f"e711{cls.number:04d}-0000-4000-8000-000000000002"


def header(**fields: Any) -> dict[str, Any]:
    known = {
        "kind": "session", "id": "01900000-0000-7000-8000-000000000001", "at": "2026-01-01T00:00:00.000000Z",
        "trace_id": Ids.trace(), "session_id": Ids.session(), "index": 0, "format": 1, "title": "evil", "tree": OID,
        "base": {"commit": None, "tree": OID}, "head": None,
    }  # fmt: skip
    return known | fields


def event(**fields: Any) -> dict[str, Any]:
    known = {
        "kind": "command", "id": "01900000-0000-7000-8000-000000000002", "at": "2026-01-01T00:00:01.000000Z",
        "command": "x", "tree": OTHER, "tree_after": OTHER, "exit_code": 0, "head": None,
    }  # fmt: skip
    return known | fields


def jsonl(*items: dict[str, Any] | bytes) -> bytes:
    return b"".join((item if isinstance(item, bytes) else json.dumps(item).encode()) + b"\n" for item in items)


def segment(*items: dict[str, Any] | bytes) -> str:
    return encode(Ids.trace(), Ids.session(), 0, jsonl(*items))


def signatures(sha256: str, count: int) -> str:
    """Return lines of signatures of a segment, each another."""
    return "".join(f"\ngittrace1-signature {Ids.trace()} {sha256} ssh {number:032}" for number in range(count))


def signed(ends: Iterable[str]) -> str:
    """Return a segment with lines that say to be signatures of it, given by what comes after its name."""
    line = segment(header(), event())
    trace, sha256 = line.split(" ")[1:5:3]
    return line + "".join(f"\ngittrace1-signature {trace} {sha256} {end}" for end in ends)


def framed(frame: bytes, data: bytes = b"") -> str:
    payload = base64.b64encode(frame).decode()
    return f"gittrace1 {Ids.trace()} {Ids.session()} 0 {hashlib.sha256(data).hexdigest()} {payload}"


def diffing(diff: str) -> str:
    return segment(header(), event(diff=diff, effect=diff))


def patch(path: str, body: str = "@@ -0,0 +1 @@\n+evil\n", index: str = f"{'0' * 40}..{OID}") -> str:
    return f"diff --git a/{path} b/{path}\nnew file mode 100644\nindex {index}\n--- /dev/null\n+++ b/{path}\n{body}"


def bomb(size: int, told: bool = True) -> str:
    packer = zstandard.ZstdCompressor(write_content_size=told).compressobj(size if told else -1)
    chunk = b"\0" * (1 << 20)
    return framed(b"".join(packer.compress(chunk) for _ in range(size >> 20)) + packer.flush())


def lying_bomb() -> str:
    """Return a frame that unpacks to 1 GiB, and says 1 MiB."""
    frame = bytearray(zstandard.ZstdCompressor().compress(b"\0" * (1 << 30)))
    size = 1 << (frame[4] >> 6)
    at = 5 + (0 if frame[4] & 0x20 else 1)
    frame[at : at + size] = struct.pack("<Q", 1 << 20)[:size]
    return framed(bytes(frame))


def twice() -> str:
    return "\n".join((segment(header()), segment(header(title="another"))))


ODD: tuple[Any, ...] = (None, 7, 1.5, True, [], {}, [[]], {"a": [{}]}, "x")
FIELDS = (
    "kind", "id", "at", "head", "branch", "source", "diff", "diff_encoding", "diff_omitted", "effect",
    "effect_omitted", "parallel", "command", "argv", "cwd", "tree", "tree_after", "stdout", "stdout_bytes",
    "exit_code", "signal", "duration_ms", "reasoning", "results", "skipped", "tool", "input", "path", "commit",
    "parents", "action", "subject", "cause", "pairs", "text", "about", "commits", "head_after", "by",
)  # fmt: skip

EVIL: dict[str, Callable[[], str]] = {
    "a bomb": lambda: bomb(4 << 30),
    "a bomb that does not tell its size": lambda: bomb(1 << 30, told=False),
    "a bomb that lies": lying_bomb,
    "no zstd": lambda: framed(b"not zstd at all"),
    "half a frame": lambda: framed(zstandard.compress(b"x" * 1000)[:-9]),
    "many values": lambda: segment(header(), b'{"kind":"command","a":[' + b"[]," * 20_000_000 + b"0]}"),
    "many strings": lambda: segment(header(), b'{"kind":"command","a":[' + b'"",' * 15_000_000 + b"0]}"),
    "many events": lambda: segment(header(), b"{}\n" * 20_000_000),
    "deep": lambda: segment(header(), b'{"kind":"command","a":' + b"[" * 30_000_000),
    "deep and whole": lambda: segment(header(), b'{"kind":"x","a":' + b"[" * 900 + b"]" * 900 + b"}"),
    "huge numbers": lambda: segment(
        header(index=0),
        b'{"kind":"command","id":"x","at":"y","exit_code":' + b"9" * 4000 + b',"duration_ms":1e308,"signal":-9e99}',
    ),
    "infinite": lambda: segment(header(), b'{"kind":"command","id":"x","at":"y","duration_ms":1e999}'),
    "not a number": lambda: segment(header(), b'{"kind":"command","id":"x","at":"y","duration_ms":NaN}'),
    "surrogates": lambda: segment(
        header(title="\ud800", branch="\udfff"),
        event(command="\ud800\udc00\udfff", id="\ud8ff", path="\udcff", head="\ud800"),
    ),
    "the same key twice": lambda: segment(header(), b'{"kind":"command","kind":"note","id":"x","at":"y"}'),
    "escapes": lambda: segment(
        header(
            title=ESCAPES,
            branch=ESCAPES,
            developer_id=ESCAPES,
            agent={"name": ESCAPES, "version": ESCAPES, "model": ESCAPES},
        ),
        event(
            command=ESCAPES,
            stdout=ESCAPES,
            reasoning=ESCAPES,
            cwd=ESCAPES,
            results={"failed": ESCAPES, "framework": ESCAPES},
        ),
        event(kind=ESCAPES, id=ESCAPES, at=ESCAPES),
        event(kind="edit", path=ESCAPES, tool=ESCAPES, input={ESCAPES: ESCAPES}),
        event(kind="commit", commit=ESCAPES, subject=ESCAPES, parents=[ESCAPES]),
        event(kind="rewrite", cause=ESCAPES, pairs=[[ESCAPES, ESCAPES]]),
        event(kind="stop", success=True, reason=ESCAPES),
    ),
    "escapes in a diff": lambda: diffing(patch("x", f"@@ -0,0 +1 @@\n+{ESCAPES.replace(chr(13), '')}\n")),
    "lines of ours and no more": lambda: f"gittrace1 {ESCAPES}\ngittrace1\ngittrace1 {Ids.trace()} forget never\n",
    "ids that are none": lambda: f"gittrace1 ../../etc {Ids.session()} 0 {OID}{'0' * 24} aaaa",
    "no header": lambda: segment(event()),
    "a header of another trace": lambda: segment(header(trace_id=Ids.session())),
    "a header of another index": lambda: segment(header(index=7)),
    "a header that is odd": lambda: segment(
        header(base=7, tree=[], agent=[{}], environment="x", title={}, skipped=3), event()
    ),
    "the same segment with other content": twice,
    "ids in odd places": lambda: segment(
        header(), event(id="../segments/x\0--output=/tmp/x"), event(id="-x"), event(id=7)
    ),
    "options for oids": lambda: segment(
        header(tree="--output=owned", base={"commit": "--all", "tree": "--output=owned"}),
        event(tree="-x\0y\n", tree_after="HEAD^{/x}", head="--exec=x"),
        event(kind="commit", commit="--output=owned", parents=["\n", 7, None], tree="\0"),
        event(kind="rewrite", cause="amend", pairs=[["--output=owned", "x"], 7, [], [None, None], [["x"], {}]]),
        event(diff_omitted={"bytes": "x", "from": "--output=owned", "to": ["x"]}),
        event(effect_omitted={"bytes": -1, "from": None, "to": None}, diff_omitted=[]),
    ),
    "fields of other kinds": lambda: segment(
        header(),
        *(event(**{name: value}) for name in FIELDS for value in ODD),
    ),
    "encodings": lambda: segment(
        header(), event(diff="x", diff_encoding="rot13"), event(diff="\u1234", diff_encoding="latin-1")
    ),
    "signatures of nothing": lambda: segment(header(), event()) + signatures("f" * 64, 3),
    "signatures that are none": lambda: signed(
        ["ssh AAAA", "openpgp AAAA", "x509 AAAA", "new AAAA", "ssh A", "ssh =="]
    ),
    "a long signature": lambda: signed([f"ssh {'A' * 50_000}"]),
    "many signatures": lambda: signed([f"ssh {number:032}" for number in range(90_000)]),
    "escapes in a signature": lambda: signed([f"{ESCAPES} AAAA", f"ssh {ESCAPES}", "ssh"]),
    "a path that leaves": lambda: diffing(patch("../../escaped")),
    "a path into .git": lambda: diffing(patch(".git/hooks/post-commit") + patch(".GIT/config") + patch("git~1/config")),
    "an absolute path": lambda: diffing(patch("/etc/passwd")),
    "a path through a link": lambda: diffing(
        f"diff --git a/l b/l\nnew file mode 120000\nindex {'0' * 40}..{OID}\n"
        "--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n" + patch("l/passwd")
    ),
    "giant hunks": lambda: diffing(patch("x", "@@ -1,9999999999 +9999999999,9999999999 @@\n+x\n")),
    "a hunk far away": lambda: diffing(patch("a", "@@ -0,0 +4000000000 @@\n+x\n", f"{OTHER}..{OID}")),
    "many hunks": lambda: diffing(patch("x", "".join(f"@@ -0,0 +{n} @@\n+x\n" for n in range(1, 100_000)))),
    "many files": lambda: diffing("".join(patch(f"{n}/x") for n in range(20_000))),
    "deep paths": lambda: diffing(patch("d/" * 30_000 + "x")),
    "long lines": lambda: diffing(patch("x", "@@ -0,0 +1 @@\n+" + 'a \\"' * 1_000_000 + "\n")),
    "alike lines": lambda: diffing(
        patch("x", "@@ -0,0 +1,60000 @@\n" + "".join(f"+return {n % 7} + value\n" for n in range(60_000)))
    ),
    "quotes": lambda: diffing('diff --git "a/' + "\\" * 200_000 + '"' * 200_000 + "\n"),
    "half a diff": lambda: diffing(patch("x")[:-3]),
    "a binary bomb": lambda: diffing(
        f"diff --git a/x b/x\nnew file mode 100644\nindex {'0' * 40}..{OID}\n"
        "GIT binary patch\nliteral 999999999999\nzcmV\n\nliteral 0\nHcmV?d00001\n\n"
    ),
    "a delta that makes much of nothing": lambda: diffing(delta_bomb()),
    "nothing but empty lines": lambda: "\n" * 5_000_000,
    "many lines": lambda: "gittrace1 x\n" * 200_000,
}


def delta_bomb() -> str:
    """Return a binary diff whose delta copies the same 64 KiB a million times."""
    import zlib

    size = 65536 * 1_000_000
    numbers = b""
    for value in (10, size):
        left = value
        while left > 127:
            numbers, left = numbers + bytes([left & 127 | 128]), left >> 7
        numbers += bytes([left])
    data = zlib.compress(numbers + b"\x80" * 1_000_000)
    lines = ""
    for at in range(0, len(data), 52):
        piece = data[at : at + 52]
        head = chr(ord("A") + len(piece) - 1) if len(piece) <= 26 else chr(ord("a") + len(piece) - 27)
        lines += head + base64.b85encode(piece + b"\0" * (-len(piece) % 4)).decode() + "\n"
    raw = len(numbers) + 1_000_000
    head = f"diff --git a/x b/x\nindex {OTHER}..{OID} 100644\nGIT binary patch\ndelta {raw}\n"
    return f"{head}{lines}\nliteral 0\nHcmV?d00001\n\n"


def controls(data: str) -> list[str]:
    """Return the characters that a terminal might act on; the text is ours, so it has line feeds and tabs."""
    return [char for char in data if not char.isprintable() and char not in "\n\t"]


def note(work: Recording, text: str) -> None:
    """Have a note as if it had been fetched, from a writer of its own."""
    blob = work.repo.git("hash-object", "-w", "--stdin", stdin=text.encode("utf-8", "surrogatepass"))
    ref = f"{REMOTE_NOTES_REFS}origin/{Ids.number:012x}"
    work.git("notes", f"--ref={ref}", "add", "-f", "-C", blob, "HEAD")


READERS = (
    ("list",), ("log",), ("log", "--graph"), ("show", "TRACE"), ("show", "HEAD"), ("status",), ("links",), ("fate",),
    ("verify",),
    ("blame", "a"), ("why", "a:1"), ("doctor",), ("export",), ("export", "--format", "prtelemetry"), ("diff", "TRACE"),
    ("list", "--json"), ("log", "--json"), ("show", "TRACE", "--json"), ("gc", "--dry-run", "--expire", "now"),
)  # fmt: skip


@pytest.mark.parametrize("part", range(4))
def test_no_reader_is_hurt(
    work: Recording, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], part: int
) -> None:
    started = work.start(title="a good one")
    work.did(a="good\n")
    work.commit()
    work.stop()
    names = []
    for number, (name, make) in enumerate(EVIL.items()):
        Ids.number = number
        names.append((name, Ids.trace()))
        note(work, make())
    monkeypatch.chdir(work.repo.top)
    before = sorted(path for path in work.repo.top.parent.rglob("*") if ".git" not in path.parts)
    hurt = []
    for args in READERS[part::4]:
        traces = [started.trace_id, *(trace for _, trace in names)] if "TRACE" in args else [""]
        for trace in traces:
            words = [trace if word == "TRACE" else word for word in args]
            status = main(words)
            out, err = capfd.readouterr()
            said = (words, {trace: name for name, trace in names}.get(trace), status, err[-600:])
            if status not in (0, 1, 128) or controls(err) or (status == 128 and len(err.splitlines()) > 4):
                hurt.append(said)
            if "--json" not in words and words[0] != "export" and controls(out):
                hurt.append((words, *said[1:3], str(controls(out))))
    for line in hurt:
        print(line)
    assert hurt == []
    assert sorted(path for path in work.repo.top.parent.rglob("*") if ".git" not in path.parts) == before
    assert main(["export", started.trace_id]) == 0


def test_memory_is_bounded(work: Recording) -> None:
    """Bombs are refused before they are unpacked, by a process that could not hold them."""

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    bombs = [name for name in EVIL if name.startswith(("a bomb", "many", "deep"))]
    for number, name in enumerate(bombs):
        Ids.number = number
        note(work, EVIL[name]())
    for command, status in (("log", 0), ("verify", 1)):
        argv = (sys.executable, "-m", "gittrace.main", command)
        done = subprocess.run(argv, cwd=work.repo.top, env=work.repo.env, capture_output=True, preexec_fn=bounded)
        assert done.returncode == status, (done.returncode, done.stderr[-2000:])
        assert len(done.stdout) < 100_000
    assert done.stdout.count(b"damaged") >= 7
