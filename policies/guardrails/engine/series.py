"""promtool's notation for test series.

``700+50x10`` is 700 and ten more, each 50 higher; ``500x10`` is 500 eleven times; ``_`` is a missing sample and ``_x6``
six of them; single numbers stand for themselves. ``-`` steps down.
"""

from __future__ import annotations

import re
from decimal import Decimal

MAX_SAMPLES = 10_000

_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?"
_ITEM = re.compile(
    rf"(?:(?P<missing>_)(?:x(?P<gap>\d{{1,5}}))?|(?P<start>{_NUMBER})(?:(?P<step>[+-]\d+(?:\.\d+)?)?x(?P<times>\d{{1,5}}))?)"
)

Sample = Decimal | None


class SeriesError(ValueError):
    """A series that cannot be read; the text is for the author."""


def parse_series(written: str) -> tuple[Sample, ...]:
    """Samples in order; None is a missing one."""
    samples: list[Sample] = []
    for item in written.split():
        samples += _expanded(item)
        if len(samples) > MAX_SAMPLES:
            raise SeriesError(f"a series may have at most {MAX_SAMPLES:,} samples")
    if not samples:
        raise SeriesError("the series is empty; `_` is a missing sample")
    return tuple(samples)


def _expanded(item: str) -> list[Sample]:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise SeriesError(f"`{item}` is not a sample; write 700, 700+50x10, 500x10, _ or _x6")
    if match["missing"]:
        return [None] * int(match["gap"] or 1)
    start, step = Decimal(match["start"]), Decimal(match["step"] or 0)
    return [start + step * count for count in range(int(match["times"] or 0) + 1)]
