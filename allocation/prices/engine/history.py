"""Merges new prices into the history of known ones: what was in force before a change stays in force for that time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from allocation.prices.documents import PriceSpec

# Provider, model and service tier, with hours and zone, and region, where the prices hold only then and there.
Key = tuple[str, ...]
# The context tiers of one model and service tier with the same validity, by rising input.
Segment = tuple[PriceSpec, ...]


@dataclass(frozen=True, slots=True)
class MergedPrices:
    """`entries` is the whole history; the other fields list models in their service tiers."""

    entries: tuple[PriceSpec, ...]
    added: tuple[Key, ...]
    changed: tuple[Key, ...]
    unchanged: tuple[Key, ...]
    # Known, but not among the new prices: they stay in force.
    kept: tuple[Key, ...]


def merge_prices(known: Iterable[PriceSpec], new: Iterable[PriceSpec]) -> MergedPrices:
    """Within its validity a new price replaces the known one; outside of it nothing changes. A new price equal to the
    one in force changes nothing.
    """
    known_segments, new_segments = _segments(known), _segments(new)
    entries: list[PriceSpec] = []
    changed: list[Key] = []
    unchanged: list[Key] = []
    for key, segments in known_segments.items():
        known_in_order = _without_overlaps(segments) if key in new_segments else segments
        merged_segments = _overlay_all(known_in_order, new_segments.get(key, ()))
        if key in new_segments:
            (unchanged if merged_segments == known_in_order else changed).append(key)
        entries.extend(
            price
            for segment in (segments if merged_segments == known_in_order else merged_segments)
            for price in segment
        )
    added = [key for key in new_segments if key not in known_segments]
    entries.extend(price for key in added for segment in _overlay_all([], new_segments[key]) for price in segment)
    kept = tuple(key for key in known_segments if key not in new_segments)
    return MergedPrices(tuple(entries), tuple(added), tuple(changed), tuple(unchanged), kept)


def _segments(prices: Iterable[PriceSpec]) -> dict[Key, list[Segment]]:
    """Segments by key, in the order in which they are first mentioned; where they overlap the first holds."""
    by_key: dict[Key, dict[tuple[object, ...], list[PriceSpec]]] = {}
    for price in prices:
        by_key.setdefault(price.series, {}).setdefault(price.identity, []).append(price)
    return {
        key: [tuple(sorted(tiers, key=lambda price: price.above_input_tokens)) for tiers in segments.values()]
        for key, segments in by_key.items()
    }


def _overlay_all(known: list[Segment], new: Iterable[Segment]) -> list[Segment]:
    for segment in new:
        known = _overlay(known, segment)
    return known


def _without_overlaps(segments: list[Segment]) -> list[Segment]:
    """In the order of time. Where segments overlap, the one mentioned first holds."""
    ordered = sorted(segments, key=lambda segment: segment[0].effective_from)
    overlapping = any(_overlaps(later, *_validity(before)) for before, later in pairwise(ordered))
    return _overlay_all([], reversed(segments)) if overlapping else ordered


def _overlay(known: list[Segment], new: Segment) -> list[Segment]:
    """The known segments, which do not overlap, with the new one in their place where it is valid; again without
    overlaps.
    """
    start, end = _validity(new)
    if any(_covers(segment, start, end) and _content(segment) == _content(new) for segment in known):
        return known
    segments: list[Segment] = [new]
    for segment in known:
        since, until = _validity(segment)
        if since < start:
            segments.append(_dated(segment, since, start if until is None else min(until, start)))
        if end is not None and (until is None or until > end):
            segments.append(_dated(segment, max(since, end), until))
    return _joined(sorted(segments, key=lambda segment: segment[0].effective_from))


def _validity(segment: Segment) -> tuple[datetime, datetime | None]:
    return segment[0].effective_from, segment[0].effective_to


def _overlaps(segment: Segment, start: datetime, end: datetime | None) -> bool:
    since, until = _validity(segment)
    return (end is None or since < end) and (until is None or start < until)


def _covers(segment: Segment, start: datetime, end: datetime | None) -> bool:
    since, until = _validity(segment)
    return since <= start and (until is None or (end is not None and end <= until))


def _joined(segments: list[Segment]) -> list[Segment]:
    """Adjacent segments with equal prices become one."""
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
