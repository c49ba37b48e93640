"""A request and what stands beside it, as finance reads it; it only formats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.safestring import SafeString

from budgets.ledger.queries import BudgetFacts
from budgets.plans.engine.amounts import rounded
from budgets.requests.models import QuotaRequest
from budgets.requests.queries import Achieved, Before, Beside, Limit
from governance.charts.engine.numbers import count, money, percent, unit_cost
from governance.pages.admin.show import currency_of, used_bar


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure: its name, its value, and what else there is to say. `is_bad` is told in words too."""

    name: str
    value: str | SafeString
    note: str = ""
    is_bad: bool = False


def amount_of(request: QuotaRequest, amount: Decimal | None = None) -> str:
    """With its unit, rounded for a table; without one given what was asked for."""
    return rounded(request.unit, request.amount if amount is None else amount, request.currency)


def term_of(request: QuotaRequest) -> str:
    """For when it is, in words."""
    match request.term:
        case QuotaRequest.Term.PERIOD:
            return f"for this {request.period}, until {day(request.ends_on)}"
        case QuotaRequest.Term.DATES:
            return f"a {request.period}, from {day(request.starts_on)} until {day(request.ends_on)}"
        case _:
            return f"a {request.period}, from {day(request.starts_on)} on"


def day(when: date | None) -> str:
    return f"{when.day} {when:%B %Y}" if when is not None else ""


def budget_facts(request: QuotaRequest, facts: Beside) -> list[Fact]:
    """Of the budget that is raised, what it would be, and of the one above."""
    limit = facts.limit
    if limit is None or limit.facts is None:
        name = f"The budget of {limit.budget.scope.path}" if limit is not None else "A budget of its own"
        note = "its amounts are not yours to see" if limit is not None else "would be made"
        return [Fact("Raises", name, note), *_above(request, facts)]
    now = limit.facts
    after = now.amount + request.amount if request.is_waiting else now.amount
    return [
        Fact(
            "Budget now",
            amount_of(request, now.amount),
            f"{limit.budget.scope.path}, until {day(limit.resets_at.date())}",
        ),
        Fact("Used", used_bar(now.used_ratio), f"{amount_of(request, now.used)}, with budgets below"),
        Fact("Left", amount_of(request, now.available), _held(request, limit), is_bad=now.available <= 0),
        *([Fact("If approved in full", amount_of(request, after), _then(request, now))] if request.is_waiting else []),
        *_forecast(request, limit, after),
        *_above(request, facts),
    ]


def _then(request: QuotaRequest, now: BudgetFacts) -> str:
    more = f"{percent(request.amount / now.amount)} more; " if now.amount else ""
    return f"{more}{amount_of(request, now.available + request.amount)} left then"


def _held(request: QuotaRequest, limit: Limit) -> str:
    return f"and {amount_of(request, limit.held)} is held" if limit.held else ""


def _forecast(request: QuotaRequest, limit: Limit, after: Decimal) -> list[Fact]:
    forecast = limit.forecast
    if forecast is None or forecast.mid is None or forecast.low is None or forecast.high is None:
        return [
            Fact("Expected this period", "not known", forecast.reason if forecast is not None else "no forecast yet")
        ]
    bounds = f"{amount_of(request, forecast.low)} to {amount_of(request, forecast.high)} in 8 of 10 cases"
    short = forecast.mid > after
    verdict = "; more than that" if short and request.is_waiting else ""
    is_of_this = limit.facts is not None and forecast.budgeted == limit.facts.amount
    spent = f"; spent on {day(forecast.exhausted_mid)} as it is" if forecast.exhausted_mid and is_of_this else ""
    return [Fact("Expected this period", amount_of(request, forecast.mid), f"{bounds}{spent}{verdict}", is_bad=short)]


def _above(request: QuotaRequest, facts: Beside) -> list[Fact]:
    if facts.above is not None:
        left, path = facts.above.available, facts.above.account.scope.path
        is_short = request.is_waiting and left < request.amount
        missing = f"; {amount_of(request, request.amount - left)} too little" if is_short else ""
        return [
            Fact(f"{path} has left", amount_of(request, left), f"the money comes from there{missing}", is_bad=is_short)
        ]
    if facts.is_topmost:
        return [Fact("Above", "nothing", "a top budget: its money comes from outside")]
    return [Fact("Above", "not yours to see")]


def work_facts(request: QuotaRequest, facts: Beside) -> list[Fact]:
    """What the team does with it, of the last 30 days."""
    currency = currency_of(request)
    days = f"{(facts.until - facts.since).days} days"
    found = [
        Fact("Cost", money(facts.cost, currency), f"of {days}"),
        Fact("Tasks", count(facts.tasks), f"begun in {days}"),
    ]
    for each in facts.unit_costs:
        accepted = f"accepted: {unit_cost(each.accepted)}" if each.accepted is not None else "none accepted"
        off = f", {percent(abs(each.deviation))} {'above' if each.deviation > 0 else 'below'}" if each.deviation else ""
        is_bad = each.deviation is not None and each.deviation > 0
        found.append(Fact(each.title, f"{unit_cost(each.cost)} {currency}", f"{accepted}{off}", is_bad=is_bad))
    return [*found, *(_outcome(each, currency) for each in facts.achieved)]


def _outcome(each: Achieved, currency: str) -> Fact:
    worth = f", worth {money(each.value, currency)}" if each.value else ""
    return Fact(f"Outcome: {each.name}", count(each.count), f"{count(each.successful)} a success{worth}")


def before_in_words(before: Before | None, currency: str) -> Sequence[str]:
    """What came of the last request; sentences."""
    if before is None:
        return ["It is the team's first request in this unit that comes to a decision."]
    last = before.request
    on = day(last.decided_at.date()) if last.decided_at is not None else ""
    if last.granted is None:
        return [f"{amount_of(last)} was asked for and not approved on {on}: “{last.decision_reason}”"]
    given, used = amount_of(last, last.granted), amount_of(last, before.used)
    told = [f"{given} of {amount_of(last)} was given on {on}, {used} used from then until {day(before.until)}."]
    if last.expected_outcome:
        told.append(f"Expected was: “{last.expected_outcome}”.")
    for each in before.achieved:
        worth = f", worth {money(each.value, currency)}" if each.value else ""
        told.append(f"Reported since: {count(each.count)} {each.name}, {count(each.successful)} a success{worth}.")
    if not before.achieved:
        told.append("No outcome was reported since.")
    return told
