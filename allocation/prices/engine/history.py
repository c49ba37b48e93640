"""New prices laid over the known ones: what was in force before a change stays in force for that time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from allocation.prices.documents import PriceSpec

Key = tuple[str, str, str]
# The tiers of one model and service tier that hold together, by rising input.
Segment = tuple[PriceSpec, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """`entries` is the whole history; the others name models and service tiers."""

    entries: tuple[PriceSpec, ...]
    added: tuple[Key, ...]
    changed: tuple[Key, ...]
    unchanged: tuple[Key, ...]
    # Known, but not among the new prices: they go on.
    kept: tuple[Key, ...]


def merged(known: Iterable[PriceSpec], new: Iterable[PriceSpec]) -> Merged:
    """The known prices with `new` laid over them: within its validity a new price replaces what was known, outside of
    it nothing changes. A new price that says what holds already changes nothing.
    """
    before, coming = _segments(known), _segments(new)
    entries: list[PriceSpec] = []
    changed: list[Key] = []
    unchanged: list[Key] = []
    for key, segments in before.items():
        standing = _apart(segments) if key in coming else segments
        after = _laid_over(standing, coming.get(key, ()))
        if key in coming:
            (unchanged if after == standing else changed).append(key)
        entries.extend(price for segment in (segments if after == standing else after) for price in segment)
    added = [key for key in coming if key not in before]
    entries.extend(price for key in added for segment in _laid_over([], coming[key]) for price in segment)
    kept = tuple(key for key in before if key not in coming)
    return Merged(tuple(entries), tuple(added), tuple(changed), tuple(unchanged), kept)


def _segments(prices: Iterable[PriceSpec]) -> dict[Key, list[Segment]]:
    """By key, each key's segments in the order of first mention, which decides where they overlap."""
    found: dict[Key, dict[tuple[object, ...], list[PriceSpec]]] = {}
    for price in prices:
        found.setdefault(price.key, {}).setdefault(price.identity, []).append(price)
    return {
        key: [tuple(sorted(tiers, key=lambda price: price.above_input_tokens)) for tiers in segments.values()]
        for key, segments in found.items()
    }


def _laid_over(known: list[Segment], new: Iterable[Segment]) -> list[Segment]:
    for segment in new:
        known = _overlaid(known, segment)
    return known


def _apart(segments: list[Segment]) -> list[Segment]:
    """In the order of time and without overlaps, in which the first mentioned holds."""
    ordered = sorted(segments, key=lambda segment: segment[0].effective_from)
    overlapping = any(_meets(later, *_validity(before)) for before, later in pairwise(ordered))
    return _laid_over([], reversed(segments)) if overlapping else ordered


def _overlaid(known: list[Segment], new: Segment) -> list[Segment]:
    """`known` does not overlap, nor does what comes out."""
    start, end = _validity(new)
    if any(_covers(segment, start, end) and _content(segment) == _content(new) for segment in known):
        return known
    left: list[Segment] = [new]
    for segment in known:
        since, until = _validity(segment)
        if since < start:
            left.append(_dated(segment, since, start if until is None else min(until, start)))
        if end is not None and (until is None or until > end):
            left.append(_dated(segment, max(since, end), until))
    return _joined(sorted(left, key=lambda segment: segment[0].effective_from))


def _validity(segment: Segment) -> tuple[datetime, datetime | None]:
    return segment[0].effective_from, segment[0].effective_to


def _meets(segment: Segment, start: datetime, end: datetime | None) -> bool:
    since, until = _validity(segment)
    return (end is None or since < end) and (until is None or start < until)


def _covers(segment: Segment, start: datetime, end: datetime | None) -> bool:
    since, until = _validity(segment)
    return since <= start and (until is None or (end is not None and end <= until))


def _joined(segments: list[Segment]) -> list[Segment]:
    """Neighbours that say the same as one."""
    joined = segments[:1]
    for segment in segments[1:]:
        since, until = _validity(joined[-1])
        if until == segment[0].effective_from and _content(joined[-1]) == _content(segment):
            joined[-1] = _dated(segment, since, segment[0].effective_to)
        else:
            joined.append(segment)
    return joined


def _dated(segment: Segment, since: datetime, until: datetime | None) -> Segment:
    dates = {"effective_from": since, "effective_to": until}
    return tuple(price.model_copy(update=dates) for price in segment)


def _content(segment: Segment) -> tuple[object, ...]:
    return tuple((price.above_input_tokens, price.discount_percent, *price.stated.items()) for price in segment)
