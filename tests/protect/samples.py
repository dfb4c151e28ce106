"""Synthetic secrets, written so that no scanner takes this repository for a leak (see `gittrace.protect.rules`)."""

import random
import re
import string

_KINDS = {
    "a": string.ascii_letters + string.digits,
    "b": string.ascii_letters + string.digits + "+/",
    "d": string.digits,
    "h": "0123456789abcdef",
    "l": string.ascii_letters,
    "u": string.ascii_uppercase + "234567",
    "w": string.ascii_letters + string.digits + "_-",
}


def fill(template: str, seed: str = "") -> str:
    """Return a sample with its `{a36}` filled: always the same for the same seed, and equal where the template is."""

    def some(match: re.Match[str]) -> str:
        kind, size = match[1], int(match[2])
        source = random.Random(f"{seed} {kind} {size}")
        return "".join(source.choice(_KINDS[kind]) for _ in range(size))

    return re.sub(r"\{([abdhluw])(\d+)\}", some, template)


def both(sample: "str | tuple[str, str]", seed: str = "") -> tuple[str, str]:
    """Return a row's sample, and the secret in it."""
    text, secret = sample if isinstance(sample, tuple) else (sample, sample)
    return fill(text, seed), fill(secret, seed)
