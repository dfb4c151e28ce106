"""Tell whether a text may hold a secret: whether the search would find a keyword, with what must follow it.

What has a secret by the rules that are always on is suspected; what is suspected may have none. The patterns of these
keywords alone are made, since to make all takes longer than a recorded command may.
"""

import re

from gittrace.protect.beside import BESIDE
from gittrace.protect.escapes import has_escapes, without_escapes
from gittrace.protect.keys import TELLING
from gittrace.protect.rules import OTHERS, PROVIDERS


def is_suspect(text: bytes) -> bool:
    """Tell whether a text may hold a secret; a `False` is sure, but for rules that are not always on."""
    return _may_hold(text) or (has_escapes(text) and _may_hold(without_escapes(text)))


def _may_hold(text: bytes) -> bool:
    lower = text.lower()
    for rule in (*PROVIDERS, *OTHERS, *BESIDE):
        where = lower if rule.fold else text
        for keyword in rule.keywords:
            if keyword in where and (not rule.ahead or re.search(re.escape(keyword) + rule.ahead, where)):
                return True
    return TELLING in text
