"""Which moments may have led to a commit, told of many at once."""

import random
from collections.abc import Sequence
from typing import cast

import pytest

from gittrace.trace.authorship.attribution import Attributor, _Causes, _Facts
from gittrace.trace.authorship.moments import Moments, always
from gittrace.trace.authorship.versions import When


class _Heads:
    """Knows HEAD before each moment: when it was made, and whether it leads to the commit."""

    def __init__(self, heads: dict[When, tuple[int, bool]]) -> None:
        self.heads = heads

    def facts(self, whens: Sequence[When]) -> _Facts:
        found = _Facts(whens)
        for when in whens:
            found.add(int(when.at[17:19]) if when.at != "some day" else None, self.heads[when][0])
        return found

    def existed(self, commit: str, when: When) -> bool:
        made_at, leads = self.heads[when]
        return leads and made_at >= int(commit)


@pytest.mark.parametrize("seed", range(40))
def test_many_moments_are_allowed_as_each_is(seed: int) -> None:
    pick = random.Random(seed)
    moments, heads = Moments(), {}
    for number in range(30):
        at = f"1970-01-01T00:00:{number:02}.500000Z" if pick.random() < 0.9 else "some day"
        when = When(pick.choice(("s0", "s1")), number // 10, at)
        assert moments.number(when) == moments.number(when) == number
        heads[when] = pick.randrange(30), pick.random() < 0.7

    time = pick.choice((None, pick.randrange(32)))
    noted = pick.choice(({}, {"s0": pick.randrange(-1, 3)}))
    causes = _Causes(time, noted, str(time or 0), cast(Attributor, _Heads(heads)))
    each = [causes(when) for when in moments.whens]
    assert moments.allowed(causes) == bytes(each).rstrip(b"\0")
    assert moments.allowed(always) == b"\1" * 30
