"""Every row of the table finds its own samples, and only these."""

import pytest

from gittrace.protect.beside import CHOSEN
from gittrace.protect.redactor import BUILTIN, Redactor
from gittrace.protect.rules import Rule
from tests.protect.samples import both, fill

KEY = b"k" * 32
ALL = (*BUILTIN, *CHOSEN)


def _ids(kind: str) -> list[tuple[Rule, object]]:
    return [(rule, sample) for rule in ALL for sample in getattr(rule, kind)]


@pytest.mark.parametrize("seed", ["1", "2", "3"])
@pytest.mark.parametrize(("rule", "sample"), _ids("hits"), ids=lambda value: getattr(value, "name", None))
def test_it_finds(rule: Rule, sample: "str | tuple[str, str]", seed: str) -> None:
    text, secret = both(sample, seed)
    for active in ([rule], ALL):
        out, hits = Redactor(active, KEY).text(f"before {text}\nafter\n")
        assert hits, text
        if isinstance(sample, tuple):
            assert secret not in out
            assert out.startswith(f"before {text.partition(secret)[0]}[REDACTED:") or len(hits) > 1
        assert Redactor(active, KEY).text(out) == (out, [])


@pytest.mark.parametrize("seed", ["1", "2", "3"])
@pytest.mark.parametrize(("rule", "sample"), _ids("misses"), ids=lambda value: getattr(value, "name", None))
def test_it_leaves_alone(rule: Rule, sample: str, seed: str) -> None:
    text = f"before {fill(sample, seed)}\nafter\n"
    assert Redactor([rule], KEY).text(text) == (text, [])
