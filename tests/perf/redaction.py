"""How fast secrets are looked for, on one core: processor time, since that is what a busy machine leaves alone."""

import time
from random import Random
from statistics import median

from gittrace.protect.redactor import BUILTIN, Redactor
from tests.perf.lab import Lab
from tests.perf.measure import Row
from tests.protect.samples import both, fill
from tests.support.repo import PACKAGE_ROOT

_SLOWEST, _SLOWEST_DENSE = 60, 3
# what makes most work: a keyword everywhere, and behind it what may be a secret
_KEYWORDS = (
    "token=", "pwd=abcdef1 ", "curl -u ", "api_key=abcdefgh12345678 ", "a://b:c@d ", "sk-", "eyJ", "@tcp(",
    "pwd:", "x-auth-token=a1", "authorization=", fill("shpat_{h32}"), fill("ghp_{a255}"), "key=", "password=", "-eyJ",
    "-ya29.", "login x password ", "cookie: a=b", 'passphrase="', "SK", "pcsk_", "tvly-", "://a:b@", "pwd='a1b2' ",
    "pwd=`a1b2`\n", 'pwd:"', "--pwd a1b2c3 ", "a:b@tcp(", "x-auth-token:uX0Q7z ", "ops_eyJ", "://V:R@pwd:-key ",
    fill('auth":"{a12}'), fill("--password {a9}_://a:b@"), fill("x-auth-token:{a6} AccountKey=<key>\n"),
    "author ", "sk-ant-x", "AKIA",
    # secrets that hide each other: more is found where one is masked
    "--pwd a1b2cZ-pwd _31--pwd a1b2c3skey-:`x-auth-token:uX0Q7z 1",
    '--password ove_A://a:b@(pwd("_1aZ" pwd("_1aZ"pwd("_1a.\'paZ "\'pwd("_pwd("_1aZ"\'pwd'
    + 'pwd("_.\'paZ "\'pwd("_pwd("_1aZ"\'pwd',
    "--password oAwLdqaipassword W_://a:b@\nske.yL6E7C64`x-auth-token:uX0Q7z a1login x password Paab@tcp(--pwdZ",
)  # fmt: skip
_WORST = 6


def measure(lab: Lab) -> list[Row]:
    """A build log, a diff of source, text that is all secrets; and the worst of what is the same over and over."""
    size = lab.pick(100_000, 2_000_000, 10_000_000)
    redactor = Redactor(BUILTIN, b"k" * 32)
    texts = (
        ("a build log", _log(size), _SLOWEST),
        ("a diff of source", _diff(size), _SLOWEST),
        ("secrets", _secrets(size // 10), _SLOWEST_DENSE),
    )
    rows = [_row(redactor, f"redaction of {what}", text, slowest, lab.repeat(7)) for what, text, slowest in texts]
    again = ((word, (word * (size // 100 // len(word) + 1)).encode()) for word in _KEYWORDS)
    words = [_row(redactor, f"redaction of {word!r} over and over", text, _SLOWEST_DENSE, 3) for word, text in again]
    return [*rows, *sorted(words, key=lambda row: -row.value)[:_WORST]]


def _row(redactor: Redactor, what: str, text: bytes, slowest: int, rounds: int) -> Row:
    times = []
    for _ in range(rounds + 1):
        began = time.process_time()
        redactor.data(text)
        times.append(time.process_time() - began)
    took = median(times[1:])
    # the goal is the most that a value may be, so it is time for what ought to be done in one second
    value = took / len(text) * slowest * 1e6
    speed = len(text) / took / 1e6
    said = f"{what}: {speed:.{0 if speed > 10 else 1}f} MB/s; time for {slowest} MB"
    return Row(said, took * 1000, None, value, "s", 1)


def _log(size: int) -> bytes:
    source = Random(1)
    kinds = (
        "[{0:3}%] Building CXX object src/CMakeFiles/core.dir/module_{0}/file{0}.cpp.o",
        "2024-05-12T10:11:12.{0:03}Z INFO  org.example.Service - request id={1:032x} took {0}ms",
        "npm WARN deprecated lodash@4.17.{0}: https://registry.npmjs.org/lodash/-/lodash-4.17.{0}.tgz",
        "tests/unit/test_module_{0}.py::TestThing::test_that_it_works_with_tokens PASSED",
        "commit {1:040x}",
        "src/foo.c:{0}:12: warning: unused variable 'key{0}' [-Wunused-variable]",
        "Collecting package-{0}>=1.{0} (from -r requirements.txt (line {0}))",
    )
    lines: list[str] = []
    length = 0
    while length < size:
        lines.append(source.choice(kinds).format(source.randrange(100), source.getrandbits(120)))
        length += len(lines[-1]) + 1
    return "\n".join(lines).encode()


def _diff(size: int) -> bytes:
    files = sorted((PACKAGE_ROOT / "gittrace" / "trace").glob("*.py"))
    text = b"".join(b"+" + line for file in files for line in file.read_bytes().splitlines(keepends=True))
    return (text * (size // len(text) + 1))[:size]


def _secrets(size: int) -> bytes:
    text = "\n".join(both(sample, seed)[0] for seed in "abcdefgh" for rule in BUILTIN for sample in rule.hits).encode()
    return (text * (size // len(text) + 1))[:size]
