"""What makes a long password easy to guess: those who guess know these ways of making one of a short one."""

from __future__ import annotations

import string
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import pairwise

AROUND = string.digits + string.punctuation + string.whitespace
# As people write letters.
WRITTEN_AS = str.maketrans("@4301!5$7+", "aaeoiisstt")
# Neighbours on keyboards and in the alphabet.
ROWS = ("abcdefghijklmnopqrstuvwxyz", "1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop")
NEIGHBOURS = frozenset(pair for row in ROWS for one in (row, row[::-1]) for pair in pairwise(one))
REPEATED_LENGTH_MAX = 6
NEIGHBOURS_SHARE_MAX = 2 / 3
WORD_LENGTH_MIN = 4


def why_guessable(password: str, common: AbstractSet[str], words: Iterable[str]) -> str | None:
    """In what way it is; None when in none of these. `common` are passwords that many have, `words` those that are near
    here, both in lower case.
    """
    lower = password.lower()
    plain = lower.translate(WRITTEN_AS)
    for word in words:
        if len(word) >= WORD_LENGTH_MIN and (word in lower or word in plain):
            return f"It holds {word!r}, which whoever guesses tries first."
    unit = _repeated(lower)
    if len(unit) <= REPEATED_LENGTH_MAX or unit in common:
        return "It is a short one, said again and again."
    core = lower.strip(AROUND)
    if {core, core.translate(WRITTEN_AS)} & common:
        return "It is a password that many have, with something added."
    pairs = list(pairwise(lower))
    if sum(pair in NEIGHBOURS for pair in pairs) > len(pairs) * NEIGHBOURS_SHARE_MAX:
        return "It follows the keys or the alphabet."
    return None


def _repeated(text: str) -> str:
    """The shortest text of which it is made again and again; itself when it is of none."""
    for size in range(1, len(text) // 2 + 1):
        unit = text[:size]
        if (unit * (len(text) // size + 1)).startswith(text):
            return unit
    return text
