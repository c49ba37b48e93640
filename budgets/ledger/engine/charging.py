"""Which account carries the usage of a scope on a day, and what has to move when that answer changes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from budgets.plans.engine.periods import Period
from governance.scopes.engine import nearest_fitting

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cover:
    """An open account: it carries its scope, and what lies below up to the next cover, during its period."""

    account_id: int
    scope_id: int
    period: Period


@dataclass(frozen=True, slots=True)
class DayUsage:
    scope_id: int
    day: date
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Move:
    """Spending leaves one account for another; None is outside the ledger (not charged to anyone)."""

    day: date
    from_account: int | None
    to_account: int | None
    quantity: Decimal


Covers = Mapping[int, Sequence[Cover]]
Lineage = Callable[[int], Sequence[int]]


def by_scope(covers: Iterable[Cover]) -> dict[int, list[Cover]]:
    found: dict[int, list[Cover]] = defaultdict(list)
    for cover in covers:
        found[cover.scope_id].append(cover)
    return dict(found)


def cover_on(covers: Covers, lineage: Sequence[int], day: date) -> Cover | None:
    """The cover of the nearest scope at or above; `lineage` is the scope itself first, then upwards to the root."""
    return nearest_fitting(lineage, covers, lambda cover: cover.period.contains(day))


def moves(*, before: Covers, after: Covers, usage: Iterable[DayUsage], lineage: Lineage) -> list[Move]:
    """What brings a ledger charged under `before` to what it would be had `after` held from the start.

    Per day and pair of accounts, never negative, never zero, in a fixed order.
    """
    sums: dict[tuple[date, int | None, int | None], Decimal] = defaultdict(lambda: ZERO)
    for item in usage:
        path = lineage(item.scope_id)
        old, new = cover_on(before, path, item.day), cover_on(after, path, item.day)
        source, target = (old.account_id if old else None), (new.account_id if new else None)
        if source != target:
            sums[(item.day, source, target)] += item.quantity
    found = [
        Move(day, source, target, quantity) if quantity > 0 else Move(day, target, source, -quantity)
        for (day, source, target), quantity in sums.items()
        if quantity
    ]
    return sorted(found, key=lambda move: (move.day, move.from_account or 0, move.to_account or 0))
