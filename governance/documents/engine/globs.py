"""Patterns as documents write them for the names of models, providers and attributes: ``*`` is any text, also none;
every other character, such as those of ``m[1m]`` or ``what?``, is only itself. Letters' case counts.
"""

from __future__ import annotations

import re
from functools import lru_cache

ANY = "*"


def is_glob(pattern: str) -> bool:
    """Whether the pattern can match more than one text."""
    return ANY in pattern


@lru_cache(maxsize=4096)
def compiled_glob(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression whose ``match`` is of the whole text."""
    first, *rest = map(re.escape, re.split(r"\*+", pattern))
    if not rest:
        return re.compile(rf"{first}\Z")
    # The first place at which a part is found is as good as any later one: without going back, many stars stay fast.
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.compile(rf"(?s:{first}{middle}.*{rest[-1]})\Z")


def glob_matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text."""
    return compiled_glob(pattern).match(text) is not None
