"""What an approver needs beside a request, without looking elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from allocation.unit_economics.engine.unit_words import words_of
from allocation.unit_economics.queries import UnitEconomics, unit_economics
from budgets.ledger.queries import usage_by_day
from budgets.plans.engine.amounts import budget_quantity
from budgets.plans.models import Budget
from budgets.requests.models import QuotaRequest
from budgets.requests.queries.limits import Limit, limits_of
from budgets.requests.queries.money import MoneyAbove, budgets_raised, money_above
from governance.calendar.engine import DAY, day_of
from governance.people.rules import Actor
from governance.scopes.queries import scope_tree

WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class UnitCost:
    """What a unit cost in the last 30 days, beside what was accepted; `deviation` is (cost − accepted) / accepted."""

    title: str
    cost: Decimal | None
    accepted: Decimal | None
    deviation: Decimal | None


@dataclass(frozen=True, slots=True)
class Achieved:
    """Outcomes reported under one name, and what they were said to be worth in all."""

    name: str
    count: int
    successful: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Before:
    """The team's last request that was decided, and what happened after it: `used` from the decision until `until`, the
    end of what it was for or now.
    """

    request: QuotaRequest
    until: date
    used: Decimal
    achieved: tuple[Achieved, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """`limit` is the budget that the request raises, `above` what gives the money; None where there is none, and for
    `above` also where the reader does not see it. Cost, tasks, unit costs and outcomes are those of the scope with all
    below it in [since, until).
    """

    limit: Limit | None
    above: MoneyAbove | None
    is_topmost: bool
    since: date
    until: date
    cost: Decimal
    tasks: int
    unit_costs: tuple[UnitCost, ...]
    achieved: tuple[Achieved, ...]
    before: Before | None


def beside(request: QuotaRequest, *, actor: Actor, at: datetime) -> Beside:
    """The facts as of now, as far as the actor may see them."""
    today = day_of(at)
    budget = request.budget or budgets_raised([request], day=today).get(request.pk)
    limits = limits_of([request.scope_id], actor=actor, at=at, unit=request.unit)[request.scope_id]
    above = money_above(budget.scope_id if budget is not None else request.scope_id, request.unit, day=today)
    seen = [each for each in above[:1] if actor.sees(each.account.scope.path)]
    until = today + DAY
    figures = unit_economics(scope_id=request.scope_id, since=until - WINDOW, until=until, beside=False)
    return Beside(
        limit=next((each for each in limits if _is_of(each, budget)), None),
        above=seen[0] if seen else None,
        is_topmost=not above,
        since=until - WINDOW,
        until=until,
        cost=figures.cost,
        tasks=figures.tasks.tasks,
        unit_costs=tuple(_unit_costs(figures)),
        achieved=_achieved(figures),
        before=_before(request, today),
    )


def _is_of(limit: Limit, budget: Budget | None) -> bool:
    return budget is not None and limit.budget.scope_id == budget.scope_id


def _unit_costs(figures: UnitEconomics) -> Iterable[UnitCost]:
    """Those that have been accepted, and what a task cost."""
    for figure in figures.unit_costs:
        is_of_tasks = figure.measure.key == "action" and figure.measure.name == ""
        if figure.target is not None or (is_of_tasks and figure.ratio.value is not None):
            accepted = figure.target.amount if figure.target is not None else None
            yield UnitCost(words_of(figure.measure).title, figure.ratio.value, accepted, figure.deviation)


def _achieved(figures: UnitEconomics) -> tuple[Achieved, ...]:
    return tuple(
        Achieved(each.name, each.sums.count, each.sums.successful, each.sums.value)
        for each in figures.outcomes
        if each.kind == "outcome"
    )


def _before(request: QuotaRequest, today: date) -> Before | None:
    rows = QuotaRequest.objects.filter(scope_id=request.scope_id, unit=request.unit, decided_at__isnull=False)
    last = rows.filter(decided_at__lt=request.created_at).order_by("-decided_at").select_related("decided_by").first()
    if last is None or last.decided_at is None:
        return None
    since = day_of(last.decided_at)
    end = last.granted_until or (last.ends_on if last.term != QuotaRequest.Term.STANDING else None)
    until = max(min(end or today + DAY, today + DAY), since + DAY)
    scopes = scope_tree().descendants(request.scope_id)
    days = usage_by_day(unit=request.unit, scope_ids=scopes, since=since, until=until)
    used = budget_quantity(request.unit, sum((each.quantity for each in days), Decimal(0)))
    figures = unit_economics(scope_id=request.scope_id, since=max(since, until - timedelta(days=1000)), until=until,
                             beside=False)  # fmt: skip
    return Before(last, until, used, _achieved(figures))
