"""What limits a scope now: for whoever was refused, without asking an administrator."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from budgets.forecasts.models import Forecast
from budgets.forecasts.queries import forecasts_of_periods
from budgets.ledger.models import Account
from budgets.ledger.operations import balance_of
from budgets.ledger.queries import BudgetFacts, facts_by_budget
from budgets.plans.engine.amounts import budget_quantity
from budgets.plans.models import Budget
from budgets.requests.models import QuotaRequest
from budgets.reservations.engine.bounds import OvershootBound
from budgets.reservations.queries.overshoot import overshoot_bounds
from governance.calendar.engine import day_of
from governance.people.models import DecisionRight
from governance.people.queries import People, holders, nearest_of
from governance.people.rules import Actor
from governance.scopes.queries import ScopeTree, scope_tree

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget that limits a scope. `is_charged`: the scope's use comes out of it, not out of one below it. Without
    `facts` it lies above what the reader may see: its name, its period and its people are told, no amounts.
    """

    budget: Budget
    is_charged: bool
    resets_at: datetime
    facts: BudgetFacts | None
    held: Decimal
    bound: OvershootBound | None
    forecast: Forecast | None
    owners: tuple[str, ...]
    deciders: tuple[str, ...]
    waiting: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is read once for all scopes of a page."""

    tree: ScopeTree
    budgets: Mapping[int, Sequence[Budget]]
    facts: Mapping[int, BudgetFacts]
    held: Mapping[int, Decimal]
    bounds: Mapping[int, OvershootBound]
    forecasts: Mapping[int, Forecast]
    owners: People
    deciders: People
    waiting: Mapping[tuple[int, str], tuple[int, ...]]


def limits_of(
    scope_ids: Collection[int], *, actor: Actor, at: datetime, unit: str | None = None
) -> dict[int, list[Limit]]:
    """By scope: in each unit the budget that is charged, and those above it that the actor may see, the nearest first.
    As many queries however many scopes.
    """
    known = _read(scope_ids, actor, at, unit)
    return {scope_id: list(_of_scope(scope_id, known, actor, at)) for scope_id in scope_ids}


def _of_scope(scope_id: int, known: _Known, actor: Actor, at: datetime) -> Iterable[Limit]:
    charged: set[str] = set()
    for above in known.tree.ancestors(scope_id):
        for budget in known.budgets.get(above, ()):
            is_charged = budget.unit not in charged
            charged.add(budget.unit)
            is_seen = actor.sees(budget.scope.path)
            period = budget.period_on(day_of(at))
            if period is None or not (is_charged or is_seen):
                continue
            lineage = known.tree.ancestors(above)
            facts = known.facts.get(budget.pk) if is_seen else None
            yield Limit(
                budget=budget, is_charged=is_charged, resets_at=period.ends_at, facts=facts,
                held=known.held.get(facts.account_id or 0, ZERO) if facts is not None else ZERO,
                bound=known.bounds.get(facts.account_id or 0) if facts is not None else None,
                forecast=known.forecasts.get(budget.pk) if is_seen else None,
                owners=nearest_of(lineage, known.owners), deciders=nearest_of(lineage, known.deciders),
                waiting=known.waiting.get((scope_id, budget.unit), ()),
            )  # fmt: skip


def _read(scope_ids: Collection[int], actor: Actor, at: datetime, unit: str | None) -> _Known:
    tree, day = scope_tree(), day_of(at)
    lineages = {above for scope_id in scope_ids for above in tree.ancestors(scope_id)}
    rows = Budget.objects.in_force(day).filter(scope_id__in=lineages, status=Budget.Status.APPROVED)
    if unit is not None:
        rows = rows.filter(unit=unit)
    budgets: dict[int, list[Budget]] = {}
    for budget in rows.select_related("scope").order_by("unit"):
        budgets.setdefault(budget.scope_id, []).append(budget)
    seen = [budget for of_scope in budgets.values() for budget in of_scope if actor.sees(budget.scope.path)]
    facts = facts_by_budget(seen, at=at)
    return _Known(
        tree=tree, budgets=budgets, facts=facts, held=_held(facts.values()),
        bounds=overshoot_bounds((each.account_id for each in facts.values()), at=at),
        forecasts=forecasts_of_periods(seen, day=day),
        owners=holders(lineages), deciders=holders(lineages, right=DecisionRight.APPROVE_BUDGET),
        waiting=_waiting(scope_ids),
    )  # fmt: skip


def _held(facts: Iterable[BudgetFacts]) -> dict[int, Decimal]:
    """By account what is neither granted on, nor spent, nor available."""
    accounts = Account.objects.filter(pk__in=[each.account_id for each in facts if each.account_id is not None])
    return {account.pk: budget_quantity(account.unit, _set_aside(account)) for account in accounts}


def _set_aside(account: Account) -> Decimal:
    balance = balance_of(account)
    return balance.funded - balance.granted_out - balance.spent - balance.available


def _waiting(scope_ids: Collection[int]) -> dict[tuple[int, str], tuple[int, ...]]:
    rows = QuotaRequest.objects.waiting().filter(scope_id__in=scope_ids).order_by("pk")
    waiting: dict[tuple[int, str], tuple[int, ...]] = {}
    for pk, scope_id, unit in rows.values_list("pk", "scope_id", "unit"):
        waiting[scope_id, unit] = (*waiting.get((scope_id, unit), ()), pk)
    return waiting
