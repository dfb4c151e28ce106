"""The secrets of an environment: the values of variables whose names say that they are.

Standard library only, and little of it: a recorded command's environment is looked at when it has ended.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_TELLING = (
    "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY",
    "CREDENTIAL", "_PAT", "AUTH_KEY", "ENCRYPTION_KEY", "SIGNING_KEY", "MASTER_KEY", "CONNECTION_STRING", "_DSN",
    "WEBHOOK_URL", "PGPASS",
)  # fmt: skip
_ENDINGS = ("_PWD", "_PASS", "_KEY", "_AUTH")
# names that tell, of what is none
_HARMLESS = (
    "_FILE",
    "_PATH",
    "_URL",
    "_ID",
    "_NAME",
    "_TYPE",
    "_SOCK",
    "_DIR",
    "_COMMAND",
    "_PUBLIC_KEY",
    "_KEY_ID",
    "ASKPASS",
    "_TTL",
)
_SHORTEST, _LONGEST = 8, 4096
_SHORTEST_LINE = 12
_COMMON = frozenset(("password", "changeme", "undefined", "disabled", "required"))


def secret_values(environment: "Mapping[str, str]") -> "tuple[bytes, ...]":
    """Return the values that are to be masked, the longest first; of one with several lines, each line by itself."""
    values: set[bytes] = set()
    for name, value in environment.items():
        if len(value) >= _SHORTEST and is_telling(name):
            values.update(_parts(value))
    return tuple(sorted(values, key=lambda value: (-len(value), value)))


def is_telling(name: str) -> bool:
    """Tell whether a variable's name says that its value is a secret."""
    upper = name.upper()
    if upper.endswith(_HARMLESS) and not upper.endswith("WEBHOOK_URL"):
        return False
    return upper.endswith(_ENDINGS) or any(word in upper for word in _TELLING)


def _parts(value: str) -> "list[bytes]":
    lines = value.split("\n")
    shortest = _SHORTEST if len(lines) == 1 else _SHORTEST_LINE
    found = []
    for line in lines:
        text = line.strip()
        # a word or a path may stand anywhere, and masking it would eat what is none
        word = text.isalpha() and (text.islower() or text.istitle())
        if shortest <= len(text) <= _LONGEST and not (word or text.isdigit() or text.startswith(("/", "./", "~/"))):
            found.append(text.encode("utf-8", "surrogateescape"))
    return found
