"""Edits of natural text. Each returns the files that it changes: None for one that it deletes."""

from collections.abc import Callable

from tests.fuzz.natural.book import NOBODY, Text, Writer
from tests.fuzz.natural.world import Desk

Changes = dict[str, Text | None]
Edit = Callable[[Desk, Writer], Changes]
_WORDS = (b"_new", b"2", b"s", b" or None", b".strip()")


def _some(desk: Desk, least: int = 1) -> str | None:
    names = sorted(name for name, text in desk.files.items() if len(text.lines) >= least)
    return desk.world.rng.choice(names) if names else None


def _put(text: Text, start: int, end: int, lines: list[bytes], numbers: list[int]) -> Text:
    return Text(
        [*text.lines[:start], *lines, *text.lines[end:]], [*text.numbers[:start], *numbers, *text.numbers[end:]]
    )


def hunk(desk: Desk, writer: Writer) -> Changes:
    """Do what a real commit did, where it fits; else put its new lines somewhere."""
    book, pool = desk.world.book, desk.world.pool
    if not pool.commits:
        return insert(desk, writer)
    old, new = pool.hunk()
    for name, text in sorted(desk.files.items()):
        places = range(len(text.lines) - len(old) + 1) if old else ()
        at = next((at for at in places if text.lines[at : at + len(old)] == old), None)
        if at is None:
            continue
        gone = Text(old, text.numbers[at : at + len(old)])
        numbers = []
        for line in new:
            same = [number for said, number in zip(*gone, strict=True) if said == line and number not in numbers]
            numbers.append(same[0] if same else book.new(line, writer))
        return {name: _put(text, at, at + len(old), new, numbers)}
    return _inserted(desk, writer, new) if new else {}


def insert(desk: Desk, writer: Writer) -> Changes:
    """Put some lines of a library somewhere."""
    return _inserted(desk, writer, desk.world.pool.stretch())


def _inserted(desk: Desk, writer: Writer, lines: list[bytes]) -> Changes:
    rng, name = desk.world.rng, _some(desk)
    if name is None or rng.random() < 0.1:
        name = f"new{rng.randrange(10**4)}.py"
    text = desk.files.get(name, Text([], []))
    at = rng.randint(0, len(text.lines))
    return {name: _put(text, at, at, lines, [desk.world.book.new(line, writer) for line in lines])}


def delete(desk: Desk, writer: Writer) -> Changes:
    """Delete some lines."""
    rng, name = desk.world.rng, _some(desk, 4)
    if name is None:
        return {}
    at = rng.randrange(len(desk.files[name].lines))
    return {name: _put(desk.files[name], at, at + rng.choice((1, 1, 2, 5, 12)), [], [])}


def change(desk: Desk, writer: Writer) -> Changes:
    """Change a word in some lines."""
    rng, name = desk.world.rng, _some(desk, 4)
    if name is None:
        return {}
    text = desk.files[name]
    start = rng.randrange(len(text.lines))
    end = min(start + rng.randint(1, 3), len(text.lines))
    lines = [line + rng.choice(_WORDS) for line in text.lines[start:end]]
    return {name: _put(text, start, end, lines, [desk.world.book.new(line, writer) for line in lines])}


def copy(desk: Desk, writer: Writer) -> Changes:
    """Copy some lines elsewhere: they may be said to be of who wrote them, too."""
    rng, book = desk.world.rng, desk.world.book
    name, target = _some(desk, 8), _some(desk)
    if name is None or target is None:
        return {}
    text = desk.files[name]
    at, size = rng.randrange(len(text.lines)), rng.randint(2, 10)
    lines = text.lines[at : at + size]
    numbers = [
        book.new(line, writer, book.origins[number].writers)
        for line, number in zip(lines, text.numbers[at : at + size], strict=True)
    ]
    put = rng.randint(0, len(desk.files[target].lines))
    return {target: _put(desk.files[target], put, put, lines, numbers)}


def move(desk: Desk, writer: Writer) -> Changes:
    """Move some lines, within a file or to another one."""
    rng = desk.world.rng
    name, target = _some(desk, 12), _some(desk)
    if name is None or target is None:
        return {}
    text = desk.files[name]
    at, size = rng.randrange(len(text.lines)), rng.randint(2, 12)
    lines, numbers = text.lines[at : at + size], text.numbers[at : at + size]
    for number in numbers:
        desk.world.book.origins[number].others.add(writer)
    changes = {name: _put(text, at, at + size, [], [])}
    there = changes.get(target) or desk.files[target]
    put = rng.randint(0, len(there.lines))
    return {**changes, target: _put(there, put, put, lines, numbers)}


def indent(desk: Desk, writer: Writer) -> Changes:
    """Indent some lines anew."""
    rng, book, name = desk.world.rng, desk.world.book, _some(desk, 6)
    if name is None:
        return {}
    text = desk.files[name]
    start = rng.randrange(len(text.lines))
    end = min(start + rng.randint(2, 8), len(text.lines))
    lines = []
    for line, number in zip(text.lines[start:end], text.numbers[start:end], strict=True):
        lines.append((line[4:] if line.startswith(b"    ") else b"    " + line) if line.strip() else line)
        book.says(number, lines[-1])
        book.origins[number].others.add(writer)
    return {name: _put(text, start, end, lines, text.numbers[start:end])}


def again(desk: Desk, writer: Writer) -> Changes:
    """Type once more what somebody wrote before."""
    rng, book, name = desk.world.rng, desk.world.book, _some(desk)
    if name is None:
        return {}
    first = rng.randrange(len(book.origins))
    lines = [origin.text for origin in book.origins[first : first + rng.randint(1, 6)]]
    put = rng.randint(0, len(desk.files[name].lines))
    numbers = [book.new(line, writer, book.writers(line) or {NOBODY}) for line in lines]
    return {name: _put(desk.files[name], put, put, lines, numbers)}


def remove(desk: Desk, writer: Writer) -> Changes:
    """Delete a file, if many are left."""
    name = _some(desk)
    return {name: None} if name and len(desk.files) > 6 else {}


_EDITS: list[Edit] = [
    *[hunk] * 6,
    *[insert] * 5,
    *[delete] * 2,
    *[change] * 3,
    *[move] * 2,
    copy,
    indent,
    again,
    remove,
]


def edit(desk: Desk, recorded: bool) -> None:
    """Make some edits at once, by hand or by a recorded command."""
    rng = desk.world.rng
    label = desk.world.label() if recorded and desk.session else None
    writer = (desk.session, label) if label else desk.hand
    before, total = desk.files, Changes()
    for _ in range(rng.choice((1, 1, 2, 3))):
        what = rng.choice(_EDITS)
        changes = {name: text if text and text.lines else None for name, text in what(desk, writer).items()}
        total |= changes
        desk.files = {name: text for name, text in {**desk.files, **changes}.items() if text is not None}
        desk.world.say(f"    {what.__name__} {sorted(changes)}")
    desk.files = before
    desk.world.say(f"{desk.name}: edit as {writer}")
    if total:
        desk.write(total, label)
