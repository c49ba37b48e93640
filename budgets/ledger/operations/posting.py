"""Charges usage to the ledger, inside the transaction that records it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from django.db import connection, transaction

from allocation.usage.engine.roll_ups import UsagePosting
from budgets.ledger.operations.locks import lock_for_opening, lock_for_posting
from budgets.ledger.operations.opening import open_missing, record_shortfalls
from budgets.ledger.queries import (
    ChargedAccounts,
    charged_accounts,
    coverage_version,
    last_known_charged_accounts,
    unopened,
)
from budgets.plans.models import Unit
from governance.work.operations import number_array

ZERO = Decimal(0)


@transaction.atomic(savepoint=False)
def post_usage(*, postings: Sequence[UsagePosting], at: datetime) -> set[int]:
    """Charges each posting, in every unit, to the account of the nearest budgeted scope at or above its own. Returns
    the scopes of which a budget's use came to a watched line: guardrails may have something to say of them at once.

    One transfer for each account and day. Two or three queries a batch while no account opens or ends.
    """
    days = {posting.occurred_on for posting in postings}
    if not days:
        return set()
    if _unopened(days):
        lock_for_opening()
        # Before posting: the roll-ups, from which opening charges what came before, do not hold this usage yet.
        opened = open_missing(days=days, at=at)
        # The chain of records is not held while usage is written; the shortfall itself stands on the account.
        transaction.on_commit(partial(record_shortfalls, opened, at=at), robust=True)
        version = coverage_version()
    else:
        version = lock_for_posting()
    moved = _moved(postings, charged_accounts(version), days)
    return _charge(moved, at) if moved else set()


def _unopened(days: set[date]) -> bool:
    """Called before the shared lock is taken, because that cannot be exchanged for the exclusive one. A budget that is
    approved just after this answer catches up when its account opens.
    """
    known = last_known_charged_accounts()
    if known is not None and days <= known.days_checked:
        return False
    if unopened(days):
        return True
    if known is not None:
        known.days_checked |= days
    return False


# The account that is charged, the one where spending goes, and the day.
_Route = tuple[int, int, date]


def _moved(postings: Iterable[UsagePosting], current: ChargedAccounts, days: set[date]) -> list[tuple[_Route, Decimal]]:
    """What moves on each route, negative where money comes back."""
    sums: dict[_Route, Decimal] = defaultdict(lambda: ZERO)
    accounts_by_day = current.of(days)
    for posting in postings:
        day_accounts, lineage = accounts_by_day[posting.occurred_on], current.tree.ancestors(posting.scope_id)
        for unit in day_accounts.accounts:
            account_id = day_accounts.nearest(unit, lineage)
            if account_id is not None:
                spent_id = current.spent_account(lineage[-1], unit)
                sums[account_id, spent_id, posting.occurred_on] += _quantity(posting, unit)
    return [(route, quantity) for route, quantity in sorted(sums.items()) if quantity]


def _charge(moved: Sequence[tuple[_Route, Decimal]], at: datetime) -> set[int]:
    """One transfer for each. Returns the scopes whose budget came to a watched line, or has nothing in it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT budgets_charge_usage(%s::bigint[], %s::bigint[], %s::date[], %s::numeric[], %s)",
            [
                number_array(account_id for (account_id, _, _), _ in moved),
                number_array(spent_id for (_, spent_id, _), _ in moved),
                number_array(day for (_, _, day), _ in moved),
                number_array(quantity for _, quantity in moved),
                at,
            ],
        )
        return {scope_id for (scope_id,) in cursor.fetchall()}


def _quantity(posting: UsagePosting, unit: str) -> Decimal:
    match Unit(unit):
        case Unit.MONEY:
            return posting.cost
        case Unit.TOKENS:
            return Decimal(posting.tokens)
        case Unit.REQUESTS:
            return Decimal(posting.requests)
        case Unit.GPU_HOURS:
            return posting.gpu_seconds
