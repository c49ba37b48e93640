"""Usage that names its reservation: charged as all usage is, and settled in the same transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from allocation.usage.engine.reserved import ReservedUsage
from allocation.usage.engine.roll_ups import UsagePosting
from budgets.ledger.engine.funding import Entry
from budgets.ledger.operations import AccountsAsked, post_usage, quantity_in
from budgets.ledger.queries import ChargedAccounts
from budgets.reservations.models import Reservation
from budgets.reservations.operations.accounts import held_accounts
from budgets.reservations.operations.trees import LockedTrees, locked
from governance.statements.operations import Message


def post_and_settle(
    *,
    postings: Sequence[UsagePosting],
    reserved: Sequence[ReservedUsage] = (),
    at: datetime,
    beside: Callable[[Message], None] | None = None,
    accounts: AccountsAsked | None = None,
) -> set[int]:
    """As `post_usage`; and each reservation that some of it names is settled with it, or drawn down where it is for
    many calls, before anybody else can hold what that frees. What a caller has settled before is not charged twice. A
    reservation is settled only by usage of its root's scope and those below.
    """
    settled = partial(_settled, reserved, at) if reserved else None
    return post_usage(postings=postings, at=at, beside=beside, settled=settled, accounts=accounts)


def _settled(reserved: Sequence[ReservedUsage], at: datetime, current: ChargedAccounts) -> list[Entry]:
    named = {used.reservation for used in reserved}
    tree_of = dict(Reservation.objects.filter(pk__in=named).values_list("pk", "tree"))
    if not tree_of:
        return []
    now = locked(tree_of.values(), rows=tree_of.keys())
    adjusted: list[Entry] = []
    for used in reserved:
        row = now.rows.get(used.reservation)
        if row is not None and current.tree.is_at_or_below(used.scope_id, now.chain(row)[0].scope_id):
            adjusted += _told(now, row, used, current, at)
    now.held_accounts = held_accounts({row.account_id for row in now.rows.values() if row.account_id}, current.tree)
    entries = [*now.entries(), *adjusted]
    now.save()
    return entries


def _told(
    now: LockedTrees, row: Reservation, used: ReservedUsage, current: ChargedAccounts, at: datetime
) -> list[Entry]:
    quantity = quantity_in(row.unit, used)
    # Of one call the usage is the whole; of several each tells of its own.
    replaced = min(row.stated, max(quantity, Decimal(0))) if row.covers_task else row.stated
    now.spend(row, quantity - replaced)
    row.stated -= replaced
    if row.is_open and not row.covers_task and used.has_succeeded:
        now.end(row, Reservation.Status.SETTLED, Reservation.EndedBy.USAGE, at)
    if not replaced or row.account_id is None:
        return []
    spent = current.spent_account(current.tree.by_id[row.scope_id].root_id, row.unit)
    return [Entry("adjust", row.account_id, spent, replaced)]
