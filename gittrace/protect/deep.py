"""The deeper scanner, when it is installed (`pip install gittrace[deep]`): Kingfisher, in this process.

It knows hundreds of kinds of tokens, also in base64, and is slower to load than our rules, so it looks at what is about
to leave. Only its scanner is used, which asks nobody: what it finds is validated nowhere.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gittrace.errors import TraceError
from gittrace.protect.beside import URL_PASSWORD
from gittrace.protect.found import PLACEHOLDER
from gittrace.protect.redactor import Hit, Redactor, placeholder
from gittrace.protect.shapes import in_url, is_word

_MODULE = "kingfisher_sdk"
_PACKAGE = "kingfisher-secret-scanner"
_HINT = f"'pip install -U {_PACKAGE}' may mend it; without that package gittrace does without"

SECONDS = 60.0
"""How long it may look at one text."""

# what is masked may be next to more of it; a text that goes on so is no text
_PASSES = 8
# what a placeholder's rule is not made of
_NO_NAME = re.compile(r"[^a-z0-9]+")
_URL = re.compile(URL_PASSWORD)
# what follows the password of a URL, if nothing of that can be the secret
_AFTER_AT = re.compile(rb"@[A-Za-z0-9.,:-]{1,200}(?:/[a-z_]{0,40})?")
# bytes around what was found in which the rest of its URL is
_NEAR = 700
_SIGNS = (b"+", b"-", b" ")

Span = tuple[int, int, str]


class Unscanned(TraceError):
    """The deeper scanner did not come to an end with a text."""


def version() -> str:
    """Return the version of the scanner, empty when it is not installed."""
    if find_spec(_MODULE) is None:
        return ""
    # takes as long to import as to scan a hundred segments
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return version_of(_PACKAGE)
    except PackageNotFoundError:
        return "unknown"


class DeepScanner:
    """Kingfisher with its own rules, those of medium confidence and more.

    To compile them takes some ten seconds; what it then keeps in the user's cache is loaded in one. Raises TraceError.
    """

    def __init__(self) -> None:
        try:
            self._scanner = _compiled()
        # whatever a compiled module of another platform or version raises
        except Exception as error:
            raise TraceError(f"cannot start the deeper scanner: {_first_line(error)}", _HINT) from None

    def find(self, data: bytes) -> list[Span]:
        """Return (start, end, rule) of the secrets in a text, in order. Raises Unscanned."""
        try:
            found = self._scanner.scan(data, timeout=SECONDS)
            return sorted(self._span(data, one) for one in found if one.visible)
        except TimeoutError:
            raise Unscanned(f"the deeper scanner did not end within {SECONDS:.0f} seconds") from None
        # a version with other names, or one that fails: nothing is taken for clean
        except Exception as error:
            raise Unscanned(f"the deeper scanner failed: {type(error).__name__}", _HINT) from None

    def _span(self, data: bytes, finding: Any) -> Span:
        """Return where a secret is; what holds it where it is encoded. All of the text, if it isn't where it should be.

        Places in what looks like UTF-16 are told as those in UTF-8.
        """
        rule = f"deep-{_NO_NAME.sub('-', str(finding.rule_id).lower())}"[:40].rstrip("-")
        start, end = finding.location["start_offset"], finding.location["end_offset"]
        if not finding.is_base64_encoded:
            secret = finding.secret.encode("utf-8", "replace")
            if data[start:end] != secret:
                start = data.find(secret)
                end = start + len(secret)
        return (start, end, rule) if 0 <= start < end <= len(data) else (0, len(data), rule)


class DeepRedactor(Redactor):
    """A redactor that then masks what the deeper scanner finds. Raises TraceError where that can't be started."""

    _scanner: DeepScanner | None = None

    def finds(self, texts: Iterable[str]) -> bool:
        """Tell whether there is a secret in one of several texts."""
        texts = list(texts)
        # each by itself: its patterns go over several lines
        return super().finds(texts) or any(self._deeply(text.encode("utf-8", "surrogatepass")) for text in texts)

    def data(self, data: bytes, skip: frozenset[str] = frozenset()) -> tuple[bytes, list[Hit]]:
        """Return bytes with their secrets replaced, and what they were. Raises Unscanned."""
        data, hits = super().data(data, skip)
        hits = list(hits)
        for _ in range(_PASSES):
            out, at = [], 0
            for start, end, rule in self._deeply(data):
                tag = self.tag(data[start:end])
                if start >= at and rule not in skip and tag not in self.allowed:
                    hits.append((rule, tag))
                    out += [data[at:start], _marks(data[start:end], placeholder(rule, tag))]
                    at = end
            if not out:
                break
            data = b"".join(out) + data[at:]
        return data, hits

    def _deeply(self, data: bytes) -> list[Span]:
        """Return what the deeper scanner finds, but for what looks like a secret in a placeholder, and for examples."""
        self._scanner = self._scanner or DeepScanner()
        found = self._scanner.find(data)
        places = [match.span() for match in PLACEHOLDER.finditer(data)] if found else []
        found = [one for one in found if not any(low < one[1] and one[0] < high for low, high in places)]
        return [one for one in found if not _is_example(data, *one[:2])]


def _is_example(data: bytes, start: int, end: int) -> bool:
    """Tell whether what was found is a word such as `password`, or a URL with such a word or a placeholder for it.

    It goes by what our own rules let pass there, and nowhere else: a token may begin as a placeholder does.
    """
    if is_word(data, start, end):
        return True
    for match in _URL.finditer(data, max(0, start - _NEAR), end + _NEAR):
        low, high = match.span("s")
        is_it = (start, end) == (low, high)
        is_around = start < match.start() and bool(_AFTER_AT.fullmatch(data, high, end))
        if is_it or is_around:
            return in_url(data, match, low, high) is None
    return False


def _marks(secret: bytes, mark: bytes) -> bytes:
    """Return a mark for each line of a secret: lines stay as many, and those of a diff keep their signs."""
    first, *more = secret.split(b"\n")
    marks = [mark if first else b""]
    for line in more:
        sign = line[:1] if line[:1] in _SIGNS else b""
        marks.append(sign + mark if line else b"")
    return b"\n".join(marks)


@cache
def _compiled() -> Any:
    sdk: Any = import_module(_MODULE)
    return sdk.Scanner(sdk.Rules(confidence="medium"))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
