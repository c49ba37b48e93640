"""Pools of shared cost, split one after the other (step-down allocation).

A pool of usage passes on what earlier pools gave to its scopes, so a pool is split after those that give to it. Pools
that give to each other in a circle have no such order and are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from allocation.shared_cost.engine.splitting import Departed, NothingToSplitBy, Recipient, Share, WhenZero, split
from governance.scopes.engine import is_at_or_below

PoolSource = Literal["usage", "amount", "commitment"]


@dataclass(frozen=True, slots=True)
class Pool:
    """Cost to share. `own_amount` is the direct cost of usage at or below `origin`, or an amount that no usage record
    holds. `unit` names what the recipients' quantities count, `method` how it is split.
    """

    name: str
    version: int
    source: PoolSource
    origin: str
    own_amount: Decimal
    recipients: tuple[Recipient, ...]
    unit: str
    method: str
    when_zero: WhenZero
    departed: Departed

    @property
    def passes_on(self) -> bool:
        """Whether it shares what other pools gave to its scopes too."""
        return self.source == "usage"

    @property
    def bearers(self) -> frozenset[str]:
        """The scopes it may give to."""
        return frozenset(
            recipient.heir if recipient.is_departed else recipient.path
            for recipient in self.recipients
            if not recipient.is_departed or self.departed == "to_parent"
        )


@dataclass(frozen=True, slots=True)
class SplitPool:
    """A pool with its shares: their amounts sum to `own_amount + received`, their ratios to 1."""

    pool: Pool
    received: Decimal
    shares: tuple[Share, ...]

    @property
    def amount(self) -> Decimal:
        return self.pool.own_amount + self.received


class PoolsRefused(ValueError):
    """The pools cannot be split; `pool` is the name of the one to correct first."""

    def __init__(self, pool: str, problem: str) -> None:
        super().__init__(f"{pool}: {problem}")
        self.pool = pool
        self.problem = problem


def check_overlaps(pools: Sequence[Pool]) -> None:
    """Raises PoolsRefused where two pools would share the same direct cost."""
    usage = sorted((pool for pool in pools if pool.passes_on), key=lambda pool: (pool.origin.split("/"), pool.name))
    for number, upper in enumerate(usage):
        for lower in usage[number + 1 :]:
            if is_at_or_below(lower.origin, upper.origin):
                raise PoolsRefused(
                    lower.name,
                    f"its usage of {lower.origin} is part of what {upper.name} shares ({upper.origin}); cost is shared"
                    " once: end one of the two, or take another scope",
                )


def step_down_order(pools: Iterable[Pool]) -> list[Pool]:
    """Every pool after those that give to it, else by name. Raises PoolsRefused for a circle."""
    by_name = {pool.name: pool for pool in sorted(pools, key=lambda pool: pool.name)}
    receiving = {name: _receiving_paths(pool) for name, pool in by_name.items()}
    givers = {
        name: {giver for giver in by_name if giver != name and pool.passes_on and pool.origin in receiving[giver]}
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


def _receiving_paths(pool: Pool) -> frozenset[str]:
    """The scopes it may give to and all above them: a pool of usage at any of these passes on what it gives."""
    paths: set[str] = set()
    for path in pool.bearers:
        above = path
        while above and above not in paths:
            paths.add(above)
            above = above.rpartition("/")[0]
    return frozenset(paths)


def _circle(waiting: Mapping[str, set[str]]) -> list[str]:
    """One circle among pools that wait for each other, in the direction in which they give."""
    name = min(waiting)
    walked: list[str] = []
    while name not in walked:
        walked.append(name)
        name = min(waiting[name])
    circle = walked[walked.index(name) :][::-1]
    first = circle.index(min(circle))
    return circle[first:] + circle[:first]


def split_pools(pools: Iterable[Pool]) -> list[SplitPool]:
    """The pools with their shares, in step-down order. Raises PoolsRefused for overlaps, circles, and where nothing can
    be split by and the document says `fail`.
    """
    every_pool = list(pools)
    check_overlaps(every_pool)
    done: list[SplitPool] = []
    given: dict[str, Decimal] = {}
    for pool in step_down_order(every_pool):
        inside = (amount for path, amount in given.items() if is_at_or_below(path, pool.origin))
        received = sum(inside, Decimal(0)) if pool.passes_on else Decimal(0)
        try:
            shares = split(
                pool.own_amount + received, pool.recipients, when_zero=pool.when_zero, departed=pool.departed
            )
        except NothingToSplitBy as problem:
            raise PoolsRefused(pool.name, f"{problem}, and it says when_zero: fail") from None
        for share in shares:
            if share.target:
                given[share.target] = given.get(share.target, Decimal(0)) + share.amount
        done.append(SplitPool(pool, received, shares))
    return done
