"""Opens accounts for periods, parents first, and charges them with the usage recorded before they opened."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from django.db import transaction
from django.db.models import QuerySet

from budgets.ledger.engine.charging import OpenAccount
from budgets.ledger.engine.funding import Adoption, Funding, Opening, fund
from budgets.ledger.models import Account
from budgets.ledger.operations.carrying import carry_over, has_to_carry, organisations_that_carry, record_carried
from budgets.ledger.operations.entries import balance_of, rebook_usage, source_and_spent, write_entries
from budgets.ledger.operations.locks import lock_for_opening
from budgets.ledger.queries import open_accounts, unopened
from budgets.plans.engine.amounts import budget_quantity, ledger_quantity, plain, spoken
from budgets.plans.engine.periods import Period
from budgets.plans.errors import InsufficientFunds
from budgets.plans.models import Budget
from governance.people.models import User
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.engine import nearest_fitting
from governance.scopes.queries import ScopeTree, scope_tree
from governance.work.operations import each_apart, mark_scopes_dirty, tell_faults

AHEAD = timedelta(days=1)
OPENING_HEARTBEAT = "budgets.open_periods"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What an account that opened lacks of its budget's amount, in quantities of the ledger."""

    budget: Budget
    account: Account
    parent: Account
    missing: Decimal


@dataclass(frozen=True, slots=True)
class Opened:
    """The accounts that opened, and the shortfalls for the caller to record."""

    accounts: tuple[Account, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()


def open_periods(*, at: datetime) -> tuple[Account, ...]:
    """Opens accounts for today and, a day ahead, for tomorrow; marks budgets ended whose last day has passed; carries
    over what ended periods leave. Returns the accounts opened. A fault in one organisation is told by the heartbeat and
    the log, and stops no other.
    """
    nodes = scope_tree().by_id
    due = [budget for budget, _period in unopened(days_to_open(at))] + list(_past(at))
    opening = {nodes[budget.scope_id].root_id for budget in due}
    done = each_apart(
        sorted(opening | organisations_that_carry(at)),
        lambda root_id: _open_in(root_id, at) if root_id in opening or has_to_carry(root_id=root_id, at=at) else (),
        named=lambda root_id: nodes[root_id].path,
    )
    tell_faults(OPENING_HEARTBEAT, done.faults, at=at, sentence="accounts of %s could not be opened or ended")
    return tuple(account for accounts in done.results for account in accounts)


def _past(at: datetime) -> QuerySet[Budget]:
    return Budget.objects.filter(status=Budget.Status.APPROVED, ends_on__lte=at.date())


@transaction.atomic
def _open_in(root_id: int, at: datetime) -> tuple[Account, ...]:
    lock_for_opening()
    opened = open_missing(days=days_to_open(at), root_id=root_id, at=at)
    below = scope_tree().descendants(root_id)
    past = list(_past(at).filter(scope_id__in=below).select_related("scope").order_by("pk"))
    for budget in past:
        budget.status = Budget.Status.ENDED
        budget.save(update_fields=["status"])
    carried = carry_over(root_id=root_id, at=at)
    changed = [budget.scope_id for budget in past] + [each.ended.scope_id for each in carried]
    mark_scopes_dirty(scope_ids=scopes_above_and_below(changed), at=at)
    record_shortfalls(opened, at=at)
    record_carried(carried, at=at)
    for budget in past:
        record_decision(
            actor=Actor.system(),
            action="budget.end",
            scope=budget.scope,
            subject=f"budget:{budget.pk}",
            reason="The last day it was approved for has passed.",
            evidence={"name": budget.name, "ends_on": str(budget.ends_on)},
            at=at,
        )
    return opened.accounts


def days_to_open(at: datetime) -> set[date]:
    """Today and tomorrow, in UTC."""
    return {at.date(), (at + AHEAD).date()}


def scopes_above_and_below(scope_ids: Iterable[int]) -> set[int]:
    """These scopes, all above and all below them: the scopes whose facts a transfer may change."""
    tree, related = scope_tree(), set[int]()
    for scope_id in scope_ids:
        related.update(tree.ancestors(scope_id), tree.descendants(scope_id))
    return related


def open_missing(
    *,
    days: Iterable[date],
    root_id: int,
    at: datetime,
    strict: Budget | None = None,
    by: User | None = None,
    reason: str = "",
) -> Opened:
    """Opens what is due on `days` in an organisation. Call under the opening lock.

    `strict` is the budget being approved: InsufficientFunds unless it is funded in full; any other opens with what
    there is. `by` and `reason` are the approval's. Marks scopes dirty; the caller records the shortfalls, last.
    """
    due: dict[str, list[tuple[Budget, Period]]] = defaultdict(list)
    for budget, period in unopened(days, root_id=root_id):
        due[budget.unit].append((budget, period))
    accounts: list[Account] = []
    shortfalls: list[Shortfall] = []
    for unit, items in due.items():
        opened = _open(unit, items, at=at, strict=strict, by=by, reason=reason)
        accounts.extend(opened.accounts)
        shortfalls.extend(opened.shortfalls)
    mark_scopes_dirty(scope_ids=scopes_above_and_below([account.scope_id for account in accounts]), at=at)
    return Opened(tuple(accounts), tuple(shortfalls))


def record_shortfalls(opened: Opened, *, at: datetime) -> None:
    """A decision record for each shortfall. Call it last: it takes the lock of the chain."""
    for shortfall in opened.shortfalls:
        budget, unit = shortfall.budget, shortfall.budget.unit
        missing = budget_quantity(unit, shortfall.missing)
        record_decision(
            actor=Actor.system(),
            action="budget.shortfall",
            scope=budget.scope,
            subject=f"budget:{budget.pk}",
            reason=f"{shortfall.parent.scope.path} had {spoken(unit, missing, budget.currency)} too little left"
            f" for the period from {shortfall.account.period_start}.",
            evidence={
                "account": shortfall.account.pk,
                "parent_account": shortfall.parent.pk,
                "approved": plain(budget.amount),
                "missing": plain(missing),
            },
            at=at,
        )


ByScope = dict[int, list[Account]]


def parent_of(accounts: ByScope, lineage: Sequence[int], period: Period) -> Account | None:
    """The account of the nearest scope above whose period contains this one; None when there is none."""
    return nearest_fitting(lineage[1:], accounts, lambda account: account.interval.covers(period))


def _open(
    unit: str, items: list[tuple[Budget, Period]], *, at: datetime, strict: Budget | None, by: User | None, reason: str
) -> Opened:
    tree = scope_tree()
    start, end = min(period.start for _b, period in items), max(period.end for _b, period in items)
    nearby = scopes_above_and_below([budget.scope_id for budget, _period in items])
    before = open_accounts(unit=unit, scope_ids=nearby, start=start, end=end)
    existing = list(
        Account.objects.overlapping(start, end)
        .filter(unit=unit, scope_id__in=nearby)
        .select_related("scope", "parent__scope")
    )
    known: ByScope = defaultdict(list)
    for account in existing:
        known[account.scope_id].append(account)
    new = _create(unit, items, known, tree, at)
    rebook_usage(
        unit=unit,
        before=before,
        after=[*before, *(OpenAccount(account.pk, account.scope_id, account.interval) for account in new)],
        scope_ids={scope_id for account in new for scope_id in tree.descendants(account.scope_id)},
        since=start,
        until=end,
        tree=tree,
        at=at,
        reference="usage before opening",
    )
    adopters = _adopters(new, existing, known, tree)
    funding = _funding(new, adopters)
    for account in new:
        if strict is not None and account.budget_id == strict.pk:
            _refuse_if_short(strict, account, funding)
    for account, adopter in adopters:
        if adopter.pk not in funding.uncovered:
            Account.objects.filter(pk=account.pk).update(parent=adopter)
    decided = {account.pk for account in new if strict is not None and account.budget_id == strict.pk}
    write_entries(funding.entries, on=at.date(), at=at, reference="period opens", reason=reason, by=by, to=decided)
    return Opened(tuple(new), tuple(_keep_shortfalls(new, funding)))


def _create(
    unit: str, items: list[tuple[Budget, Period]], known: ByScope, tree: ScopeTree, at: datetime
) -> list[Account]:
    """Level by level, so that parents have ids before their children; adds the new accounts to `known`."""
    new: list[Account] = []
    for _depth, level in groupby(items, key=lambda item: item[0].scope.depth):
        opening = []
        for budget, period in level:
            lineage = tree.ancestors(budget.scope_id)
            source, _spent = source_and_spent(root_id=lineage[-1], unit=unit, at=at)
            opening.append(
                Account(
                    kind=Account.Kind.BUDGET,
                    scope=budget.scope,
                    unit=unit,
                    budget=budget,
                    parent=parent_of(known, lineage, period) or source,
                    period_start=period.start,
                    period_end=period.end,
                    opened_at=at,
                )
            )
        for account in Account.objects.bulk_create(opening):
            known[account.scope_id].append(account)
            new.append(account)
    return new


def _adopters(
    new: Sequence[Account], existing: Sequence[Account], known: ByScope, tree: ScopeTree
) -> list[tuple[Account, Account]]:
    """Open accounts whose parent one of the new accounts becomes, each with that new parent."""
    new_ids = {account.pk for account in new}
    adopters = []
    for account in existing:
        parent = parent_of(known, tree.ancestors(account.scope_id), account.interval)
        if parent is not None and parent.pk in new_ids:
            adopters.append((account, parent))
    return adopters


def _funding(new: Sequence[Account], adopters: Sequence[tuple[Account, Account]]) -> Funding:
    involved = {account.pk for account in new} | {account.parent_id for account in new}
    for account, _adopter in adopters:
        involved |= {account.pk, account.parent_id}
    rows = list(Account.objects.filter(pk__in=[pk for pk in involved if pk is not None]))
    fresh = {account.pk: account for account in rows}
    adopts: dict[int, list[Adoption]] = defaultdict(list)
    for account, adopter in adopters:
        assert account.parent_id is not None  # noqa: S101  # budget accounts only
        adopts[adopter.pk].append(Adoption(account.pk, account.parent_id, fresh[account.pk].funded))
    openings = [
        Opening(account.pk, account.parent.pk, _amount(account), tuple(adopts[account.pk]))
        for account in new
        if account.parent is not None
    ]
    sources = frozenset(account.pk for account in rows if account.kind == Account.Kind.SOURCE)
    return fund(openings, {account.pk: balance_of(account) for account in rows}, sources)


def _amount(account: Account) -> Decimal:
    assert account.budget is not None  # noqa: S101  # budget accounts only
    return ledger_quantity(account.unit, account.budget.amount)


def _refuse_if_short(budget: Budget, account: Account, funding: Funding) -> None:
    unit, currency = budget.unit, budget.currency
    if account.pk in funding.uncovered:
        missing = budget_quantity(unit, funding.uncovered[account.pk])
        raise InsufficientFunds(
            f"Budgets below {budget.scope.path} already hold more than {spoken(unit, budget.amount, currency)}:"
            f" it would have to be at least {spoken(unit, budget.amount + missing, currency)}.",
            available=budget.amount,
        )
    if account.pk in funding.shortfalls and account.parent is not None:
        available = budget_quantity(unit, funding.available[account.pk])
        raise InsufficientFunds(
            f"{account.parent.scope.path} has {spoken(unit, available, currency)} available from"
            f" {account.parent.period_start} to {account.parent.period_end};"
            f" {spoken(unit, budget.amount, currency)} is asked for {budget.scope.path}.",
            available=available,
        )


def _keep_shortfalls(new: Sequence[Account], funding: Funding) -> list[Shortfall]:
    shortfalls = []
    for account in new:
        missing = funding.shortfalls.get(account.pk)
        if missing and account.budget is not None and account.parent is not None:
            Account.objects.filter(pk=account.pk).update(shortfall=missing)
            shortfalls.append(Shortfall(account.budget, account, account.parent, missing))
    return shortfalls
