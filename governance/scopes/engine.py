"""Paths of scopes, and what the scopes above one hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

UNATTRIBUTED_SLUG = "unattributed"

PlaceT = TypeVar("PlaceT")
HeldT = TypeVar("HeldT")


def lineage_of(path: str) -> list[str]:
    """The paths from the organisation down to `path` itself."""
    segments = path.split("/")
    return ["/".join(segments[:count]) for count in range(1, len(segments) + 1)]


def outermost(paths: list[str]) -> tuple[str, ...]:
    """`paths` without those that lie below another of them."""
    return tuple(path for path in paths if not any(path != top and is_at_or_below(path, top) for top in paths))


def is_at_or_below(path: str, top: str) -> bool:
    """Whether `path` is `top` or below it. `governance.scopes.models.at_or_below` is the same in SQL,
    `ScopeTree.is_at_or_below` in memory.
    """
    return path == top or path.startswith(f"{top}/")


def nearest(lineage: Iterable[PlaceT], held: Mapping[PlaceT, HeldT]) -> HeldT | None:
    """What the scope itself or the nearest one above it holds; `lineage` is the scope first, then upwards."""
    return next((held[place] for place in lineage if place in held), None)


def nearest_fitting(
    lineage: Iterable[PlaceT], held: Mapping[PlaceT, Iterable[HeldT]], fits: Callable[[HeldT], bool]
) -> HeldT | None:
    """As `nearest`, where a scope may hold several: the first that fits, of the nearest scope that has one."""
    return next((value for place in lineage for value in held.get(place, ()) if fits(value)), None)
