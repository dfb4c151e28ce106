"""Who changes what the engine finds must raise its number: the gate remembers by it what it has scanned."""

import base64
import hashlib
import zlib
from typing import Any

from gittrace.protect.cleaning import Cleaner, texts_of
from gittrace.protect.redactor import BUILTIN, ENGINE, Redactor
from tests.protect.samples import both, fill
from tests.protect.test_false_alarms import LINES

# Of each engine that there was since answers are held here, what it found. An entry stays as it is: where the last one
# fails, raise ENGINE and add one, else what the engine before let pass would leave unscanned by this one.
ANSWERS = {
    4: "52d628e9134366ee42008e0e24101e07",
    5: "3c7de89ffc522bb906d24f4a65d416e3",
    6: "4a9830e4f7f566100a2f78218c2e967b",
}


def _texts() -> list[str]:
    """Return texts in which other engines would find something else, as like as not."""
    texts = [fill(LINES)]
    for rule in BUILTIN:
        for seed in ("1", "2"):
            hits = [both(sample, seed)[0] for sample in rule.hits]
            misses = [fill(sample, seed) for sample in rule.misses]
            # each by itself, all together as lines, in one line, in a diff, in JSON
            together = [*hits, *misses]
            texts += together
            texts += ["\n".join(together), " ".join(hits), "".join(f"+{text}\n-{text}\n" for text in together)]
            texts += [f'{{"said":"{text}"}}'.replace('"', '\\"') for text in hits]
    # in a row: what one of them is depends on those on either side
    texts += [
        fill(unit) * 60 for unit in ("tvly-", "AIza{a34}-", "a:b@tcp(:", "a:b1@unix(x,", "pwd='a1b2' ", "shpat_{h32}")
    ]
    texts.append(f"x = {fill('ghp_{a36}')}".encode("utf-16").decode("latin-1"))
    texts += [f"cookie: a=b [REDACTED:jwt:0123abcd]{'cookie: sid=a1b2c3d4e5 ' * 3}"]
    return texts


def _binary(content: bytes) -> str:
    """Return a file's diff as git has it where the file is binary: what is in it, then that there was nothing."""
    packed = zlib.compress(content)
    parts = [packed[at : at + 52] for at in range(0, len(packed), 52)]
    lines = [
        chr(len(part) + (64 if len(part) < 27 else 70)) + base64.b85encode(part, pad=True).decode() for part in parts
    ]
    data = "".join(f"{line}\n" for line in lines)
    return f"diff --git a/x b/x\nGIT binary patch\nliteral {len(content)}\n{data}\nliteral 0\nHcmV?d00001\n\n"


def _events() -> list[dict[str, Any]]:
    """Return events: what they show of themselves to the engine is its answer too."""
    token, word = fill("ghp_{a36}"), fill("{a9}")
    binaries = [
        token.encode(),
        f"x = {token}".encode("utf-16-le"),
        f"x = {token}".encode("utf-32"),
        b"\0" * 9 + token.encode(),
    ]
    return [
        {"id": "1", "command": f"login --password {word}", "argv": ["login", "--password", word]},
        {"id": "2", "input": {"password": word, "headers": [{"Authorization": f"Basic {fill('{b24}')}"}], token: 1}},
        {"id": "3", "stdout": f"\x1b[31mtoken\x1b[m={token}\n", "signature": fill("{b64}"), "api_key": fill("{a32}")},
        *({"id": f"b{at}", "diff": _binary(content)} for at, content in enumerate(binaries)),
    ]


def test_another_answer_is_another_engine() -> None:
    redactor = Redactor(BUILTIN, b"k" * 32)
    cleaner = Cleaner(redactor)
    answers: list[object] = [redactor.text(text) for text in _texts()]
    # together, as the gate looks at them, and each by itself
    answers += [cleaner.events(_events()), cleaner.found, redactor.text("\n".join(sorted(texts_of(_events()))))]
    told = hashlib.sha256("\n".join(map(repr, answers)).encode("utf-8", "backslashreplace")).hexdigest()[:32]
    assert max(ANSWERS) == ENGINE
    assert len(set(ANSWERS.values())) == len(ANSWERS)
    assert told == ANSWERS[ENGINE], "the engine finds something else: raise ENGINE (gittrace/protect/redactor.py)"
