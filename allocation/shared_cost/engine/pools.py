"""Pools of shared cost, split one after the other: step-down.

A pool of usage passes on what earlier pools gave to its scopes, so a pool comes after those that give to it. Where two
pools give to each other there is no such order: that is refused, and nobody shares in circles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from allocation.shared_cost.engine.splitting import Departed, NothingToSplitBy, Recipient, Share, WhenZero, split
from governance.scopes.engine import is_at_or_below

Source = Literal["usage", "amount", "commitment"]


@dataclass(frozen=True, slots=True)
class Pool:
    """`own` is the direct cost of the usage at or below `origin`, or an amount that no usage record holds. `unit` names
    what the recipients' quantities count.
    """

    name: str
    version: int
    source: Source
    origin: str
    own: Decimal
    recipients: tuple[Recipient, ...]
    unit: str
    how: str
    when_zero: WhenZero
    departed: Departed

    @property
    def passes_on(self) -> bool:
        return self.source == "usage"

    @property
    def bearers(self) -> frozenset[str]:
        """The scopes it may give to."""
        return frozenset(
            one.heir if one.is_departed else one.path
            for one in self.recipients
            if not one.is_departed or self.departed == "to_parent"
        )


@dataclass(frozen=True, slots=True)
class SplitPool:
    """A pool that was split: Σ of the shares' amounts is `own + received`, Σ of their ratios is 1."""

    pool: Pool
    received: Decimal
    shares: tuple[Share, ...]

    @property
    def amount(self) -> Decimal:
        return self.pool.own + self.received


class PoolsRefused(ValueError):
    """`pool` is the name of the one to look at first."""

    def __init__(self, pool: str, problem: str) -> None:
        super().__init__(f"{pool}: {problem}")
        self.pool = pool
        self.problem = problem


def check_overlaps(pools: Sequence[Pool]) -> None:
    """The same direct cost is shared once only."""
    usage = sorted((pool for pool in pools if pool.passes_on), key=lambda pool: (pool.origin.split("/"), pool.name))
    for number, upper in enumerate(usage):
        for lower in usage[number + 1 :]:
            if is_at_or_below(lower.origin, upper.origin):
                raise PoolsRefused(
                    lower.name,
                    f"its usage of {lower.origin} is part of what {upper.name} shares ({upper.origin}); cost is shared"
                    " once: end one of the two, or take another scope",
                )


def in_order(pools: Iterable[Pool]) -> list[Pool]:
    """Those that give before those that they give to; by name where it makes no difference."""
    by_name = {pool.name: pool for pool in sorted(pools, key=lambda pool: pool.name)}
    reached = {name: _reached(pool) for name, pool in by_name.items()}
    givers = {
        name: {other for other in by_name if other != name and pool.passes_on and pool.origin in reached[other]}
        for name, pool in by_name.items()
    }
    ordered: list[Pool] = []
    done: set[str] = set()
    while len(ordered) < len(by_name):
        ready = next((name for name in by_name if name not in done and givers[name] <= done), None)
        if ready is None:
            circle = _circle({name: givers[name] - done for name in by_name if name not in done})
            raise PoolsRefused(circle[0], f"pools share in a circle: {' → '.join((*circle, circle[0]))}")
        done.add(ready)
        ordered.append(by_name[ready])
    return ordered


def _reached(pool: Pool) -> frozenset[str]:
    """The scopes it may give to and all above them: a pool of usage of any of these takes part in what it gives."""
    found: set[str] = set()
    for path in pool.bearers:
        above = path
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return frozenset(found)


def _circle(waiting: Mapping[str, set[str]]) -> list[str]:
    """Some circle among those that wait for each other, in the direction in which they give."""
    name = min(waiting)
    walked: list[str] = []
    while name not in walked:
        walked.append(name)
        name = min(waiting[name])
    circle = walked[walked.index(name) :][::-1]
    first = circle.index(min(circle))
    return circle[first:] + circle[:first]


def split_pools(pools: Iterable[Pool]) -> list[SplitPool]:
    """In the order in which they were split. Raises PoolsRefused, which names the pool and what to do."""
    every = list(pools)
    check_overlaps(every)
    done: list[SplitPool] = []
    given: dict[str, Decimal] = {}
    for pool in in_order(every):
        inside = (amount for path, amount in given.items() if is_at_or_below(path, pool.origin))
        received = sum(inside, Decimal(0)) if pool.passes_on else Decimal(0)
        try:
            shares = split(pool.own + received, pool.recipients, when_zero=pool.when_zero, departed=pool.departed)
        except NothingToSplitBy as problem:
            raise PoolsRefused(pool.name, f"{problem}, and it says when_zero: fail") from None
        for share in shares:
            if share.target:
                given[share.target] = given.get(share.target, Decimal(0)) + share.amount
        done.append(SplitPool(pool, received, shares))
    return done
