"""Bytes and strings of unknown origin made into text that JSON, terminals and readers can bear."""


def decode(data: bytes) -> str:
    r"""Decode UTF-8; bytes that are none become `\xNN`, so nothing is dropped in silence."""
    return data.decode("utf-8", "backslashreplace")


def clean(value: str) -> str:
    """Make a string of the operating system (surrogates for undecodable bytes) encodable as UTF-8.

    Surrogates that no byte stands for, as others may record, are written out.
    """
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        try:
            return decode(value.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            return decode(value.encode("utf-8", "backslashreplace"))
    return value


_ODD = "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"


def unbroken(line: str) -> str:
    """Escape in a line of JSON what some readers take for the end of a line, and some terminals for a command.

    The latter are the controls from 127 on, which JSON leaves as they are, and what turns the direction of writing or
    shows as nothing.
    """
    if line.isascii() and "\x7f" not in line:
        return line
    # a recorded command, which must start at once, loads this file and writes no JSON for others
    import re

    return re.sub(_ODD, lambda match: f"\\u{ord(match[0]):04x}", line)


def shown(value: str) -> str:
    """Make foreign text safe for a terminal: control characters are written out, line breaks too."""
    if value.isprintable():
        return value
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in value)


def counted(number: int, thing: str) -> str:
    """Return `1 thing` or `2 things`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


_SAFE = "%+,-./0123456789:=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


def quoted(argv: "list[str]") -> str:
    """Return what a person would have typed: words quoted for sh where they must be."""
    return " ".join(map(quoted_word, argv))


def quoted_word(word: str) -> str:
    """Return a word as it would be typed for sh."""
    if word and all(c in _SAFE or ord(c) > 127 for c in word):
        return word
    if "'" in word and not any(c in '"$`\\!' for c in word):
        return f'"{word}"'
    return "'" + word.replace("'", "'\"'\"'") + "'"
