"""Trees that have changed are written, with the entries of the ledger that follow."""

from collections import defaultdict
from datetime import date, datetime

from budgets.ledger.engine.funding import Entry
from budgets.ledger.models import Account
from budgets.ledger.operations import lock_balances, write_entries
from budgets.ledger.queries import ChargedAccounts
from budgets.reservations.operations.accounts import held_accounts
from budgets.reservations.operations.trees import LockedTrees


def write(now: LockedTrees, current: ChargedAccounts, *, at: datetime, reference: str, more: bool = False) -> None:
    """Locks the accounts once, then writes rows and entries; `more` as of `LockedTrees.entries`."""
    account_ids = {row.account_id for row in now.rows.values() if row.account_id is not None}
    now.held_accounts = held_accounts(account_ids, current.tree)
    entries = now.entries(more=more)
    now.save()
    if not entries and not now.charged:
        return
    accounts = lock_balances(account_ids)
    by_day = defaultdict[date, list[Entry]](list)
    for entry in [*entries, *_charges(now, current, accounts)]:
        account = accounts.get(entry.debit) or accounts[entry.credit]
        by_day[_day_of(account, at.date())].append(entry)
    for day, of_day in by_day.items():
        write_entries(of_day, on=day, at=at, reference=reference)
    now.charged.clear()


def _charges(now: LockedTrees, current: ChargedAccounts, accounts: dict[int, Account]) -> list[Entry]:
    charges = []
    for pk, quantity in sorted(now.charged.items()):
        root_id = current.tree.by_id[accounts[pk].scope_id].root_id
        charges.append(Entry("charge", current.spent_account(root_id, accounts[pk].unit), pk, quantity))
    return charges


def _day_of(account: Account, today: date) -> date:
    """In a period that is over its last day is charged: the money was set aside then."""
    period = account.interval
    return today if today < period.end else max(period.last_day, period.start)
