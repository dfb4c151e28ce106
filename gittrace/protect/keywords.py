"""Find many keywords in one pass: the time that redaction takes is the time to look for what cannot be there.

Looking for one byte that is rare is ten times as fast as looking for several. So keywords that share such a byte are
looked for together, by a pattern that begins with it and then looks around: at what must follow, then at what is in
front. What fails there costs no step of Python.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

# bytes that are rare in logs and source, the rarest first; of these, one that is nowhere costs next to nothing
_CAPITALS = b"~@JQGKXBAS"
RARE = _CAPITALS + b"_-."
# the same, of small letters
RARE_SMALL = b"kw"
_FEW = 48
"""Places of a mark that are looked at one by one, before all others are looked for by its pattern."""


# bytes in front of a mark that tell most keywords from each other, and for how many it is remembered which these are
_NEAR = 2
_MOST_NEAR = 4096


class Keywords:
    """Keywords, each with the pattern of what must follow it, b"" when that may be anything."""

    def __init__(self, ahead: Mapping[bytes, bytes], rare: bytes = RARE) -> None:
        together: dict[int, list[bytes]] = {}
        alone = []
        for keyword in sorted(ahead):
            mark = next((mark for mark in rare if mark in keyword), 0)
            if mark:
                together.setdefault(mark, []).append(keyword)
            else:
                alone.append(keyword)
        for mark, keywords in list(together.items()):
            if len(keywords) == 1 and len(keywords[0]) > 4:
                alone += together.pop(mark)
        self._longest = max(map(len, ahead), default=0)
        self._alone = [(keyword, re.compile(_itself(keyword) + _look(ahead[keyword])).finditer) for keyword in alone]
        self._marked = [_Marked(mark, keywords, ahead) for mark, keywords in together.items()]

    def find(self, buf: bytes, low: int, high: int) -> dict[bytes, list[int]]:
        """Return where keywords begin in `low` to `high`, by keyword, in order."""
        found: dict[bytes, list[int]] = {}
        for keyword, search in self._alone:
            places = []
            for match in search(buf, low):
                pos = match.start()
                if pos >= high:
                    break
                places.append(pos)
            if places:
                found[keyword] = places
        for marked in self._marked:
            near, candidates = marked.near, marked.candidates
            for mark in marked.places(buf, low, high + self._longest):
                front = buf[mark - _NEAR : mark] if mark > _NEAR else buf[:mark]
                for keyword, offset in near.get(front) or candidates(front):
                    pos = mark - offset
                    if low <= pos < high and buf.startswith(keyword, pos):
                        if keyword in found:
                            found[keyword].append(pos)
                        else:
                            found[keyword] = [pos]
        return found


class _Marked:
    """Keywords that share a mark.

    near     by the bytes in front of a mark, as far as they were asked for: those that it may belong to, each with the
             place of the mark in it
    """

    __slots__ = ("_is_rare", "_mark", "_pattern", "_places", "near")

    def __init__(self, mark: int, keywords: Iterable[bytes], ahead: Mapping[bytes, bytes]) -> None:
        self._mark = bytes((mark,))
        self._is_rare = mark in _CAPITALS
        # what follows the last one tells more than what follows the first
        self._places = [(keyword, keyword.rindex(mark)) for keyword in keywords]
        self.near: dict[bytes, list[tuple[bytes, int]]] = {}
        self._pattern = re.compile(re.escape(self._mark) + self._either_side(self._places, ahead))

    def candidates(self, front: bytes) -> list[tuple[bytes, int]]:
        """Return the keywords that a mark may belong to, and its place in them, by the bytes in front of it."""
        found = [(keyword, at) for keyword, at in self._places if front.endswith(keyword[max(0, at - _NEAR) : at])]
        if len(self.near) >= _MOST_NEAR:
            self.near.clear()
        self.near[front] = found
        return found

    def _either_side(self, places: Iterable[tuple[bytes, int]], ahead: Mapping[bytes, bytes]) -> bytes:
        """Return the pattern of what is on either side of the mark."""
        sides: dict[bytes, dict[int, list[bytes]]] = {}
        for keyword, offset in places:
            after = re.escape(keyword[offset + 1 :]) + ahead[keyword]
            sides.setdefault(after, {}).setdefault(offset, []).append(keyword[:offset])
        mark = re.escape(self._mark)
        choices = []
        for after, by_size in sides.items():
            fronts = [
                b"(?<=(?:%s)%s)" % (b"|".join(map(re.escape, fronts)), mark) for size, fronts in by_size.items() if size
            ]
            if 0 in by_size:
                choices.append(_look(after))
            elif len(fronts) == 1:
                choices.append(fronts[0] + _look(after))
            else:
                last = _last_bytes([front for fronts in by_size.values() for front in fronts], mark)
                choices.append(last + _look(after) + b"(?:%s)" % b"|".join(fronts))
        return b"(?:%s)" % b"|".join(choices)

    def places(self, buf: bytes, low: int, high: int) -> list[int]:
        """Return where the mark is, and around it what may be a keyword."""
        found = []
        start = low
        if self._is_rare:
            left = _FEW
            while left and (at := buf.find(self._mark, start, high)) >= 0:
                if self._pattern.match(buf, at):
                    found.append(at)
                start = at + 1
                left -= 1
            if left:
                return found
        for match in self._pattern.finditer(buf, start):
            at = match.start()
            if at >= high:
                break
            found.append(at)
        return found


def _last_bytes(fronts: Sequence[bytes], mark: bytes) -> bytes:
    """Return a pattern that lets few pass: the last bytes in front of a mark, one or two, each by itself."""
    sets = ({front[at] for front in fronts} for at in range(-min(2, *map(len, fronts)), 0))
    return b"(?<=%s%s)" % (b"".join(b"[%s]" % re.escape(bytes(sorted(one))) for one in sets), mark)


def _itself(keyword: bytes) -> bytes:
    """Return the pattern of a keyword that takes no more of a text than may belong to that keyword once."""
    size = len(keyword)
    period = next(at for at in range(1, size + 1) if keyword.startswith(keyword[at:]))
    return re.escape(keyword[:period]) + (b"" if period == size else b"(?=%s)" % re.escape(keyword[period:]))


def _look(ahead: bytes) -> bytes:
    return b"(?=%s)" % ahead if ahead else b""
