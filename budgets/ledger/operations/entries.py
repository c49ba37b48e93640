"""Writing the ledger: transfers between accounts, and the rebooking of usage from one account to another."""

from collections.abc import Container, Iterable, Sequence
from datetime import date, datetime

from allocation.usage.operations import settle
from budgets.ledger.engine.charging import OpenAccount, Rebooking, by_scope, rebookings
from budgets.ledger.engine.funding import Balance, Entry
from budgets.ledger.models import Account, Transfer
from budgets.ledger.queries import usage_by_day
from governance.people.models import User
from governance.scopes.queries import ScopeTree


def source_and_spent(*, root_id: int, unit: str, at: datetime) -> tuple[Account, Account]:
    """The accounts where an organisation's money comes from and where its spending goes, created when missing.

    Call under the opening lock.
    """
    accounts = []
    for kind in (Account.Kind.SOURCE, Account.Kind.SPENT):
        account, _is_new = Account.objects.get_or_create(
            scope_id=root_id, unit=unit, kind=kind, defaults={"opened_at": at}
        )
        accounts.append(account)
    return accounts[0], accounts[1]


def balance_of(account: Account) -> Balance:
    """As the ledger counts; read the row under the opening lock for balances that hold."""
    return Balance(funded=account.funded, granted_out=account.granted_out, spent=account.spent, held=account.held)


def write_entries(
    entries: Iterable[Entry],
    *,
    on: date,
    at: datetime,
    reference: str,
    reason: str = "",
    by: User | None = None,
    to: Container[int] = (),
) -> None:
    """One statement: the database checks balances after all entries, so their order may dip below zero in between.

    `by` and `reason` are written on what a person decided, the entries into the accounts `to`, and on no other.
    IntegrityError when an account would grant more than it has, or a person grants to a budget of their own.
    """
    Transfer.objects.bulk_create(
        [
            Transfer(
                kind=entry.kind,
                debit_account_id=entry.debit,
                credit_account_id=entry.credit,
                amount=entry.amount,
                occurred_on=on,
                at=at,
                reference=reference,
                reason=reason if entry.debit in to else "",
                by=by if entry.debit in to else None,
            )
            for entry in entries
        ]
    )


def rebook_usage(
    *,
    unit: str,
    before: Sequence[OpenAccount],
    after: Sequence[OpenAccount],
    scope_ids: Iterable[int],
    since: date,
    until: date,
    tree: ScopeTree,
    at: datetime,
    reference: str,
) -> list[Rebooking]:
    """Recorded usage of [since, until) moves to the accounts of `after`, and what was rebooked is returned. Nothing is
    counted twice: what another account was charged leaves it in the same transfer. Usage that was posted and waits
    to be rolled up is folded first. Call under the opening lock.
    """
    settle(at=at)
    usage = usage_by_day(unit=unit, scope_ids=scope_ids, since=since, until=until)
    rebooked = rebookings(before=by_scope(before), after=by_scope(after), usage=usage, lineage=tree.ancestors)
    scope_of = {account.account_id: account.scope_id for account in (*before, *after)}
    Transfer.objects.bulk_create([_transfer(rebooking, unit, scope_of, tree, at, reference) for rebooking in rebooked])
    return rebooked


def _transfer(
    rebooking: Rebooking, unit: str, scope_of: dict[int, int], tree: ScopeTree, at: datetime, reference: str
) -> Transfer:
    inside = rebooking.to_account if rebooking.to_account is not None else rebooking.from_account
    assert inside is not None  # noqa: S101  # a rebooking has at least one account
    _source, spent = source_and_spent(root_id=tree.by_id[scope_of[inside]].root_id, unit=unit, at=at)
    return Transfer(
        kind=Transfer.Kind.CHARGE if rebooking.from_account is None else Transfer.Kind.ADJUST,
        credit_account_id=spent.pk if rebooking.to_account is None else rebooking.to_account,
        debit_account_id=spent.pk if rebooking.from_account is None else rebooking.from_account,
        amount=rebooking.quantity,
        occurred_on=rebooking.day,
        at=at,
        reference=reference,
    )
