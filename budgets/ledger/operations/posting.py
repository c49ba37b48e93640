"""Charges usage to the ledger, inside the transaction that records it."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction

from allocation.usage.engine.reserved import ReservedUsage
from allocation.usage.engine.roll_ups import UsagePosting
from budgets.ledger.engine.funding import Entry
from budgets.ledger.operations.entries import write_entries
from budgets.ledger.operations.locks import (
    ask_to_lock_for_posting,
    lock_balances,
    lock_for_opening,
    lock_for_posting,
)
from budgets.ledger.operations.opening import Opened, open_missing, record_shortfalls
from budgets.ledger.queries import (
    ChargedAccounts,
    charged_accounts,
    coverage_version,
    last_known_charged_accounts,
    unopened,
)
from budgets.plans.models import Unit
from governance.scopes.queries import ScopeTree, scope_tree
from governance.statements.operations import Message, one_message
from governance.work.operations import each_apart, number_array

# What is written with usage, given the accounts that it is charged to.
Settled = Callable[[ChargedAccounts], Sequence[Entry]]
logger = logging.getLogger(__name__)
ZERO = Decimal(0)
AGAIN_AFTER_S = 60.0
# When organisations whose accounts could not be opened are tried again here, by their ids.
_put_off_until: dict[int, float] = {}


class AccountsAsked:
    """The accounts that usage of these days is charged to, asked for by the message that records it. Made before the
    message begins: it may look whether something is due.
    """

    def __init__(self, days: set[date]) -> None:
        self._known: Callable[[], tuple[UUID | None, ScopeTree]] | None = None
        # What is due is opened under another lock, which is taken first.
        self._is_due = bool(_due(days))

    def ask(self, message: Message) -> None:
        """Takes the lock of posting, unless something is due."""
        if not self._is_due:
            self._known = ask_to_lock_for_posting(message)

    def known(self) -> ChargedAccounts | None:
        """Once the message is answered: as `accounts_for_posting`, None where it is for that to take its lock."""
        return None if self._known is None else charged_accounts(*self._known())


@transaction.atomic(savepoint=False)
def post_usage(
    *,
    postings: Sequence[UsagePosting],
    at: datetime,
    beside: Callable[[Message], None] | None = None,
    settled: Settled | None = None,
    accounts: AccountsAsked | None = None,
) -> set[int]:
    """Charges each posting, in every unit, to the account of the nearest budgeted scope at or above its own. Returns
    the scopes of which a budget's use came to a watched line: guardrails may have something to say of them at once.

    One transfer for each account and day. Two messages a batch while no account opens or ends; `beside` may ask more of
    the one that charges, and is not called where nothing is charged. `settled` gives what is written before it, such as
    holds that end: called under the lock of posting, with no account locked. `accounts` are those that an earlier
    message of the transaction asked for, by the days of these postings: one message less.
    """
    days = {posting.occurred_on for posting in postings}
    if not days:
        return set()
    current = accounts.known() if accounts is not None else None
    if current is None:
        current = accounts_for_posting(days, at)
    entries = settled(current) if settled is not None else ()
    moved = _moved(postings, current, days)
    if entries:
        changed = {account_id for entry in entries for account_id in (entry.debit, entry.credit)}
        lock_balances(changed | {account_id for (account_id, _, _), _ in moved})
        write_entries(entries, on=at.date(), at=at, reference="usage")
    return _charge(moved, at, beside) if moved else set()


def accounts_for_posting(days: set[date], at: datetime) -> ChargedAccounts:
    """The accounts charged on these days, which stay so until the transaction ends; what is due is opened first. Takes
    the lock of posting, or that of opening.
    """
    if due := _due(days):
        lock_for_opening()
        # Before posting: the roll-ups, from which opening charges what came before, do not hold this usage yet.
        opened = _open_apart(due, days, at)
        # The chain of records is not held while usage is written; the shortfall itself stands on the account.
        transaction.on_commit(partial(_record_all, opened, at), robust=True)
        version, tree = coverage_version(), scope_tree()
    else:
        version, tree = lock_for_posting()
    return charged_accounts(version, tree)


def _due(days: set[date]) -> list[int]:
    """Organisations with something to open. Called before the shared lock is taken, because that cannot be exchanged
    for the exclusive one. A budget that is approved just after this answer catches up when its account opens.
    """
    known = last_known_charged_accounts()
    if known is not None and days <= known.days_checked:
        return []
    nodes = scope_tree().by_id
    roots = {nodes[budget.scope_id].root_id for budget, _period in unopened(days)}
    if not roots and known is not None:
        known.days_checked |= days
    return sorted(root_id for root_id in roots if _put_off_until.get(root_id, 0.0) <= time.monotonic())


def _open_apart(root_ids: Iterable[int], days: set[date], at: datetime) -> list[Opened]:
    """What cannot be opened keeps no usage from being recorded: it catches up when it opens. It is tried again after a
    minute, and by the task `budgets.open_periods`, which tells of it.
    """
    nodes = scope_tree().by_id
    id_of = {nodes[root_id].path: root_id for root_id in root_ids}
    done = each_apart(id_of, lambda path: _open(id_of[path], days, at), named=str)
    for path, fault in done.faults.items():
        _put_off_until[id_of[path]] = time.monotonic() + AGAIN_AFTER_S
        logger.error("accounts of %s cannot be opened; its usage is recorded without them", path, exc_info=fault)
    return done.results


def _open(root_id: int, days: set[date], at: datetime) -> Opened:
    return open_missing(days=days, root_id=root_id, at=at)


def _record_all(opened: Iterable[Opened], at: datetime) -> None:
    for each in opened:
        record_shortfalls(each, at=at)


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
                sums[account_id, spent_id, posting.occurred_on] += quantity_in(unit, posting)
    return [(route, quantity) for route, quantity in sorted(sums.items()) if quantity]


def _charge(
    moved: Sequence[tuple[_Route, Decimal]], at: datetime, beside: Callable[[Message], None] | None
) -> set[int]:
    """One transfer for each. Returns the scopes whose budget came to a watched line, or has nothing in it."""
    with one_message() as message:
        reached = message.ask(
            "SELECT budgets_charge_usage(%s::bigint[], %s::bigint[], %s::date[], %s::numeric[], %s::timestamptz)",
            [
                number_array(account_id for (account_id, _, _), _ in moved),
                number_array(spent_id for (_, spent_id, _), _ in moved),
                number_array(day for (_, _, day), _ in moved),
                number_array(quantity for _, quantity in moved),
                at,
            ],
        )
        if beside is not None:
            beside(message)
    return {scope_id for (scope_id,) in reached.rows()}


def quantity_in(unit: str, posting: UsagePosting | ReservedUsage) -> Decimal:
    """What was used, in this unit of budgets."""
    match Unit(unit):
        case Unit.MONEY:
            return posting.cost
        case Unit.TOKENS:
            return Decimal(posting.tokens)
        case Unit.REQUESTS:
            return Decimal(posting.requests)
        case Unit.GPU_HOURS:
            return posting.gpu_seconds
