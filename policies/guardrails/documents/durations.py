"""Durations as people write them: ``90s``, ``15m``, ``4h``, ``7d``, ``1h30m``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
PATTERN = r"^(\d{1,6}d)?(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?$"
_LONGEST = timedelta(days=3660)


def parse_duration(written: str) -> timedelta:
    """Raises ValueError, with what to write instead, for what is no duration and for more than ten years."""
    match = re.fullmatch(PATTERN, written)
    if not written or match is None:
        raise ValueError(f"`{written}` is not a duration; write it as 90s, 15m, 4h or 7d")
    length = timedelta(seconds=sum(int(part[:-1]) * _SECONDS[part[-1]] for part in match.groups() if part))
    if length > _LONGEST:
        raise ValueError(f"`{written}` is longer than ten years")
    return length


def format_duration(length: timedelta) -> str:
    """The shortest spelling that parses back: ``1h30m``; ``0s`` for none."""
    left = int(length.total_seconds())
    parts = []
    for letter, size in _SECONDS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts) or "0s"


def _read(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError("write a duration as 90s, 15m, 4h or 7d")


def _read_positive(value: object) -> timedelta:
    length = _read(value)
    if not length:
        raise ValueError("the duration must be longer than nothing")
    return length


_SHAPE = WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["90s", "15m", "4h", "7d"]})
_WRITTEN = PlainSerializer(format_duration, return_type=str)

Duration = Annotated[timedelta, BeforeValidator(_read), _WRITTEN, _SHAPE]
PositiveDuration = Annotated[timedelta, BeforeValidator(_read_positive), _WRITTEN, _SHAPE]
