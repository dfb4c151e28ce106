"""What a rule finds at a place by its pattern alone, as the table has it: slow, and what readers are held against."""

import re
from functools import cache

from gittrace.protect import named
from gittrace.protect.rules import BEFORE, Rule
from gittrace.protect.runs import Runs, Span
from gittrace.protect.shapes import CHECKS

_NAMED = {"password": named.PASSWORD, "secret": named.SECRET, "long_secret": named.SECRET}


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


def by_pattern(rule: Rule, runs: Runs, pos: int) -> Span:
    """Return where the secret begins and ends whose keyword stands at a place."""
    match = _compiled((BEFORE if rule.token else b"") + (rule.pattern or b"")).match(runs.buf, pos)
    if match is None:
        return None
    if rule.reader in _NAMED:
        # a blank alone is a separator behind an option only
        if match.start("blank") >= 0 and not named.is_option(runs.buf, pos):
            return None
        is_quoted = match.start("quoted") >= 0
        start, end = match.span("quoted" if is_quoted else "bare")
        if not is_quoted:
            end = start + len(match["bare"].rstrip(b".:?"))
        look = _NAMED[rule.reader]
        said = look.alone(runs.buf[start:end], runs.buf[start - 1] if is_quoted else 0)
        if said == named.NOWHERE or (
            said == named.IN_A_CONSTANT and not named.is_constant(runs.buf, pos, match.end("rest"))
        ):
            return None
        is_one = look.fits(runs.buf, (pos, *match.span("rest"), start, end, is_quoted))
        return (start, end) if is_one else None
    start, end = match.span("s" if "s" in match.re.groupindex else 0)
    if rule.check:
        return CHECKS[rule.check](runs.buf, match, start, end)
    return (start, end) if end > start else None
