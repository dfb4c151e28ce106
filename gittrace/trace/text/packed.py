"""Fingerprints and contents as they are kept in the cache: 64 bits with a sign."""

_BITS = 64
_GONE = 0xC2B2AE3D27D4EB4F


def signed(number: int) -> int:
    """Return the number that sqlite keeps for 64 bits without a sign."""
    return number - (1 << _BITS) if number >> (_BITS - 1) else number


def blob_key(oid: str, gone: bool = False) -> int:
    """Return the key of a content; of one that was deleted it is another."""
    return signed(int(oid[:16] or "0", 16) ^ (_GONE if gone else 0))
