"""Writing the ledger: its two ends, entries, and charges that change sides."""

from collections.abc import Container, Iterable, Sequence
from datetime import date, datetime

from budgets.ledger.engine.charging import Cover, Move, by_scope, moves
from budgets.ledger.engine.funding import Balance, Entry
from budgets.ledger.models import Account, Transfer
from budgets.ledger.queries import usage_by_day
from governance.people.models import User
from governance.scopes.queries import ScopeTree


def ends_of(*, root_id: int, unit: str, at: datetime) -> tuple[Account, Account]:
    """Where an organisation's money comes from, and where its spending goes. Call under the opening lock."""
    ends = []
    for kind in (Account.Kind.SOURCE, Account.Kind.SPENT):
        account, _is_new = Account.objects.get_or_create(
            scope_id=root_id, unit=unit, kind=kind, defaults={"opened_at": at}
        )
        ends.append(account)
    return ends[0], ends[1]


def balance_of(account: Account) -> Balance:
    return Balance(funded=account.funded, granted_out=account.granted_out, spent=account.spent)


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
    """In one statement: balances are checked after all of them, so an order that dips below zero in between is fine.

    `by` and `reason` stand on what a person decided, the money into the accounts `to`; the rest only follows from it.
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
    before: Sequence[Cover],
    after: Sequence[Cover],
    scope_ids: Iterable[int],
    since: date,
    until: date,
    tree: ScopeTree,
    at: datetime,
    reference: str,
) -> list[Move]:
    """Usage already recorded goes where it would be had `after` held from the start; nothing is counted twice,
    because what an account above has carried leaves it in the same entry.
    """
    usage = usage_by_day(unit=unit, scope_ids=scope_ids, since=since, until=until)
    found = moves(before=by_scope(before), after=by_scope(after), usage=usage, lineage=tree.ancestors)
    scope_of = {cover.account_id: cover.scope_id for cover in (*before, *after)}
    Transfer.objects.bulk_create([_transfer(move, unit, scope_of, tree, at, reference) for move in found])
    return found


def _transfer(
    move: Move, unit: str, scope_of: dict[int, int], tree: ScopeTree, at: datetime, reference: str
) -> Transfer:
    inside = move.to_account if move.to_account is not None else move.from_account
    assert inside is not None  # noqa: S101  # a move has at least one account
    _source, spent = ends_of(root_id=tree.by_id[scope_of[inside]].root_id, unit=unit, at=at)
    return Transfer(
        kind=Transfer.Kind.CHARGE if move.from_account is None else Transfer.Kind.ADJUST,
        credit_account_id=spent.pk if move.to_account is None else move.to_account,
        debit_account_id=spent.pk if move.from_account is None else move.from_account,
        amount=move.quantity,
        occurred_on=move.day,
        at=at,
        reference=reference,
    )
