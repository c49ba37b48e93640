"""Charges usage to the ledger, inside the transaction that records it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from django.db import transaction

from allocation.usage.engine.roll_ups import UsagePosting
from budgets.ledger.models import Account, Transfer
from budgets.ledger.operations.locks import lock_for_opening, lock_for_posting
from budgets.ledger.operations.opening import open_missing, record_shortfalls
from budgets.ledger.queries import ChargedAccounts, charged_accounts, last_known_charged_accounts, unopened
from budgets.plans.models import Unit

ZERO = Decimal(0)


@transaction.atomic(savepoint=False)
def post_usage(*, postings: Sequence[UsagePosting], at: datetime) -> set[int]:
    """Charges each posting, in every unit, to the account of the nearest budgeted scope at or above its own. Returns
    the scopes of which a budget's use went over a whole per cent: guardrails may have something to say of them at once.

    One transfer for each account and day. Four or five queries a batch while no account opens or ends.
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
    else:
        lock_for_posting()
    transfers = Transfer.objects.bulk_create(_transfers(postings, charged_accounts(), days, at))
    charged: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for transfer in transfers:
        if transfer.kind == Transfer.Kind.CHARGE:
            charged[transfer.credit_account_id] += transfer.amount
    return _crossed(charged) if charged else set()


def _crossed(charged: Mapping[int, Decimal]) -> set[int]:
    """The scopes of the accounts that are a whole per cent fuller, or empty, after these charges."""
    accounts = Account.objects.filter(pk__in=charged).values_list("pk", "scope_id", "funded", "spent")
    return {
        scope_id
        for account_id, scope_id, funded, spent in accounts
        if not funded or spent * 100 // funded > (spent - charged[account_id]) * 100 // funded
    }


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


def _transfers(
    postings: Iterable[UsagePosting], current: ChargedAccounts, days: set[date], at: datetime
) -> list[Transfer]:
    sums: dict[tuple[int, int, date], Decimal] = defaultdict(lambda: ZERO)
    accounts_by_day = current.of(days)
    for posting in postings:
        day_accounts, lineage = accounts_by_day[posting.occurred_on], current.tree.ancestors(posting.scope_id)
        for unit in day_accounts.accounts:
            account_id = day_accounts.nearest(unit, lineage)
            if account_id is not None:
                spent_id = current.spent_account(lineage[-1], unit)
                sums[account_id, spent_id, posting.occurred_on] += _quantity(posting, unit)
    # Ascending by account: the order in which the ledger's trigger locks them.
    return [
        Transfer(
            kind=Transfer.Kind.CHARGE if quantity > 0 else Transfer.Kind.ADJUST,
            credit_account_id=account_id if quantity > 0 else spent_id,
            debit_account_id=spent_id if quantity > 0 else account_id,
            amount=abs(quantity),
            occurred_on=day,
            at=at,
            reference="usage",
        )
        for (account_id, spent_id, day), quantity in sorted(sums.items())
        if quantity
    ]


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
