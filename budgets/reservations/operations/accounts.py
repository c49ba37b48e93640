"""Which account holds, and where in the ledger lies what is held."""

from datetime import datetime

from budgets.ledger.models import Account
from budgets.ledger.queries import ChargedAccounts
from governance.scopes.queries import ScopeTree


def account_of(current: ChargedAccounts, *, scope_id: int, unit: str, at: datetime) -> int | None:
    """The account of the nearest budgeted scope at or above on this day: the one that a call would be charged to."""
    of_day = current.of({at.date()})[at.date()]
    if unit not in of_day.accounts:
        return None
    return of_day.nearest(unit, current.tree.ancestors(scope_id))


def held_account(current: ChargedAccounts, *, root_id: int, unit: str, at: datetime) -> int:
    """Where lies what accounts of this organisation and unit hold, created when missing."""
    try:
        return current.held_account(root_id, unit)
    except KeyError:
        account, _is_new = Account.objects.get_or_create(
            scope_id=root_id, unit=unit, kind=Account.Kind.HELD, defaults={"opened_at": at}
        )
        return account.pk


def held_accounts(account_ids: set[int], tree: ScopeTree) -> dict[int, int]:
    """Where lies what each of these accounts holds; all of them hold something, or have."""
    rows = Account.objects.filter(pk__in=account_ids).values_list("pk", "scope_id", "unit")
    wanted = {pk: (tree.by_id[scope_id].root_id, unit) for pk, scope_id, unit in rows}
    there = {
        (scope_id, unit): pk
        for pk, scope_id, unit in Account.objects.filter(
            kind=Account.Kind.HELD, scope_id__in={root_id for root_id, _ in wanted.values()}
        ).values_list("pk", "scope_id", "unit")
    }
    return {pk: there[key] for pk, key in wanted.items()}
