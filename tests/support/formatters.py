"""Formatters for tests: each rewrites Python as black does, in small."""

import re

_CALL = re.compile(r"(?P<indent> *)(?P<head>[^()#]*\()(?P<inside>[^()#]*)(?P<tail>\)[^()#]*)")


def exploded(text: str, width: int) -> str:
    """Split calls in lines that are longer than `width`: an argument a line, with a comma behind the last one."""
    lines = []
    for line in text.splitlines():
        found = _CALL.fullmatch(line)
        if len(line) <= width or not found:
            lines.append(line)
            continue
        indent, inner = found["indent"], f"{found['indent']}    "
        lines.append(f"{indent}{found['head']}")
        lines += [f"{inner}{argument.strip()}," for argument in found["inside"].split(",")]
        lines.append(f"{indent}{found['tail']}")
    return "".join(f"{line}\n" for line in lines)


def collapsed(text: str, width: int) -> str:
    """Join what stands in brackets over several lines, where it fits into `width`."""

    def one(match: re.Match[str]) -> str:
        inside = ", ".join(part.strip() for part in match["inside"].rstrip().rstrip(",").split(","))
        line = f"{match['head']}{inside})"
        return line if len(line) <= width else match[0]

    return re.sub(r"(?m)^(?P<head>[^\n()#]*\()\n(?P<inside>[^()#]*)\)", one, text)


def quoted(text: str) -> str:
    """Take double quotes for single ones."""
    return text.replace("'", '"')
