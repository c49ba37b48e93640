"""Which account is charged for the usage of a scope on a day, and what is rebooked when that changes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from budgets.plans.engine.periods import Period
from governance.scopes.engine import nearest_fitting

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Charged for its scope and those below it that have no open account of their own, on the days of `period`."""

    account_id: int
    scope_id: int
    period: Period


@dataclass(frozen=True, slots=True)
class DayUsage:
    """Usage of a scope on one UTC day, as the ledger counts: money, tokens, requests or GPU seconds."""

    scope_id: int
    day: date
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Rebooking:
    """Spending moves from one account to another; None stands for usage that is charged to no account."""

    day: date
    from_account: int | None
    to_account: int | None
    quantity: Decimal


OpenAccounts = Mapping[int, Sequence[OpenAccount]]
Lineage = Callable[[int], Sequence[int]]


def by_scope(open_accounts: Iterable[OpenAccount]) -> dict[int, list[OpenAccount]]:
    """The accounts of each scope, by its id, in the order given."""
    grouped: dict[int, list[OpenAccount]] = defaultdict(list)
    for account in open_accounts:
        grouped[account.scope_id].append(account)
    return dict(grouped)


def charged_account(open_accounts: OpenAccounts, lineage: Sequence[int], day: date) -> OpenAccount | None:
    """That of the nearest scope at or above, if any; `lineage` is the scope first, then upwards to the root."""
    return nearest_fitting(lineage, open_accounts, lambda account: account.period.contains(day))


def rebookings(
    *, before: OpenAccounts, after: OpenAccounts, usage: Iterable[DayUsage], lineage: Lineage
) -> list[Rebooking]:
    """What turns a ledger charged to the accounts of `before` into one charged to those of `after` from the start.

    One for each day and pair of accounts, above zero, ordered by day and accounts.
    """
    sums: dict[tuple[date, int | None, int | None], Decimal] = defaultdict(lambda: ZERO)
    for item in usage:
        path = lineage(item.scope_id)
        old, new = charged_account(before, path, item.day), charged_account(after, path, item.day)
        source, target = (old.account_id if old else None), (new.account_id if new else None)
        if source != target:
            sums[(item.day, source, target)] += item.quantity
    net = [
        Rebooking(day, source, target, quantity) if quantity > 0 else Rebooking(day, target, source, -quantity)
        for (day, source, target), quantity in sums.items()
        if quantity
    ]
    return sorted(net, key=lambda rebooking: (rebooking.day, rebooking.from_account or 0, rebooking.to_account or 0))
