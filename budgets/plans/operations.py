"""Checks of a budget's terms; every refusal says how to fix them."""

import hashlib
import re
from calendar import month_name
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import orjson

from budgets.plans.engine.amounts import NANO, WHOLE_UNITS, plain
from budgets.plans.engine.periods import JANUARY, MONTHS, is_first_day, is_longer, lie_within, period_of
from budgets.plans.errors import PeriodLongerThanParent
from budgets.plans.models import OPEN, Budget
from governance.errors import Invalid, NotFound, ReasonMissing
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

AMOUNT_BELOW = Decimal(10) ** 15
YEARS_AHEAD = 20


def locked(budget_id: int, actor: Actor) -> Budget:
    """The budget, its row locked. NotFound (`budget_unknown`) when the actor may not see it."""
    budgets = (
        Budget.objects.visible_to(actor).select_related("scope").select_for_update(of=("self",)).filter(pk=budget_id)
    )
    budget = budgets.first()
    if budget is None:
        raise NotFound(f"There is no budget {budget_id}.", code="budget_unknown")
    return budget


def checked_reason(reason: str) -> str:
    """The reason without surrounding spaces. ReasonMissing when nothing is left."""
    if not reason.strip():
        raise ReasonMissing("A decision needs a reason.")
    return reason.strip()


def default_name(scope: Scope, unit: str) -> str:
    """Such as `acme.search.gpu-hours`."""
    return f"{scope.path.replace('/', '.')}.{unit.replace('_', '-')}"


def terms(budget: Budget) -> dict[str, object]:
    """The terms for a decision record: numbers as text, because JSON's are floats. What is as usual of the year and
    of carrying over is not told.
    """
    carried: dict[str, object] = {"year_starts": budget.year_starts} if budget.year_starts != JANUARY else {}
    if budget.carry_over != Budget.CarryOver.NONE:
        most = budget.carry_over_max
        carried |= {"carry_over": budget.carry_over, "carry_over_max": plain(most) if most is not None else None}
    return carried | {
        "name": budget.name,
        "unit": budget.unit,
        "period": budget.period,
        "amount": plain(budget.amount),
        "currency": budget.currency,
        "starts_on": str(budget.starts_on),
        "ends_on": str(budget.ends_on) if budget.ends_on else None,
    }


def terms_digest(budget: Budget) -> str:
    """64 hexadecimal digits that are others as soon as anything of a proposal is: its terms, its scope, its note, or
    who stands behind it. Who decides sends the digest of what was shown.
    """
    people = sorted(pk for pk in (budget.created_by_id, budget.submitted_by_id) if pk is not None)
    stated = terms(budget) | {
        "budget": budget.pk, "scope": budget.scope.path, "note": budget.note, "source": budget.source, "people": people,
        "author": budget.author_name,
    }  # fmt: skip
    return digest_of(stated)


def digest_of(stated: Mapping[str, object]) -> str:
    """64 hexadecimal digits of what somebody is shown, whatever order it is told in."""
    return hashlib.sha256(orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)).hexdigest()


def checked_values(
    *,
    scope: Scope,
    unit: str,
    period: str,
    amount: Decimal,
    starts_on: date | None,
    ends_on: date | None,
    currency: str,
    at: datetime,
    carry_over: str = Budget.CarryOver.NONE,
    carry_over_max: Decimal | None = None,
) -> Mapping[str, object]:
    """The terms, completed: a start, an end and the currency. Invalid, with a code for each term, when they cannot
    hold.
    """
    if unit not in Budget.Unit.values:
        raise Invalid(f"Unknown unit {unit!r}: {', '.join(Budget.Unit.values)}.", code="unit_unknown")
    if period not in Budget.Period.values:
        raise Invalid(f"Unknown period {period!r}: {', '.join(Budget.Period.values)}.", code="period_unknown")
    check_amount(unit, amount)
    year_starts = year_start_of(scope)
    start = starts_on or period_of(period, at.date(), year_starts).start
    if max(start, ends_on or start).year > at.year + YEARS_AHEAD:
        raise Invalid(f"A budget starts and ends within {YEARS_AHEAD} years from now.", code="starts_too_late")
    for day in (start, ends_on):
        if day is not None and not is_first_day(period, day, year_starts):
            whole = period_of(period, day, year_starts)
            raise Invalid(
                f"A budget by {period} starts and ends on the first day of a {period}: {whole.start} or {whole.end},"
                f" not {day}.",
                code="not_a_first_day",
            )
    if ends_on is not None and ends_on <= max(start, at.date()):
        raise Invalid(f"ends_on {ends_on} is the first day not covered: it lies after the start and after today.",
                      code="ends_before_it_starts")  # fmt: skip
    _check_carry_over(unit, carry_over, carry_over_max)
    own_currency = scope_tree().by_id[scope.pk].currency if unit == Budget.Unit.MONEY else ""
    if currency and currency != own_currency:
        wanted = f"is counted in {own_currency}" if own_currency else "has no currency"
        raise Invalid(f"A {unit} budget of {scope.path} {wanted}, not {currency}.", code="currency_mismatch")
    return {
        "unit": unit,
        "period": period,
        "amount": amount,
        "starts_on": start,
        "ends_on": ends_on,
        "currency": own_currency,
        "carry_over": carry_over,
        "carry_over_max": carry_over_max,
        "year_starts": year_starts,
    }


def year_start_of(scope: Scope) -> int:
    """The month, 1 to 12, in which the fiscal year of the scope's organisation starts."""
    return Scope.objects.values_list("fiscal_year_starts", flat=True).get(path=scope.organisation_slug)


def _check_carry_over(unit: str, carry_over: str, most: Decimal | None) -> None:
    if carry_over not in Budget.CarryOver.values:
        raise Invalid(
            f"Unknown carry_over {carry_over!r}: {', '.join(Budget.CarryOver.values)}.", code="carry_over_unknown"
        )
    if most is None:
        return
    if carry_over == Budget.CarryOver.NONE:
        raise Invalid(
            "A budget that carries nothing over has no carry_over_max: set carry_over, or leave it out.",
            code="carry_over_max_of_none",
        )
    check_amount(unit, most, called="The most that is carried over", counted="What is carried over")


def check_fits(budget: Budget, *, at: datetime) -> None:
    """Checks the periods of the approved budgets above and below, and of the one it would replace.

    PeriodLongerThanParent, or Invalid (`other_period_in_force`).
    """
    tree = scope_tree()
    others = (
        Budget.objects.overlapping(max(budget.starts_on, at.date()), budget.ends_on)
        .filter(unit=budget.unit, status=Budget.Status.APPROVED)
        .exclude(pk=budget.pk)
        .select_related("scope")
    )
    above = set(tree.ancestors(budget.scope_id)[1:])
    below = set(tree.descendants(budget.scope_id)[1:])
    for related in others.filter(scope_id__in=above | below | {budget.scope_id}):
        _check_years(budget, related, is_above=related.scope_id in above)
        if related.scope_id in above and is_longer(budget.period, related.period):
            raise PeriodLongerThanParent(
                f"{related.scope.path} above has a budget by {related.period}, so a budget by {budget.period} cannot be"
                f" funded from it: choose {_no_longer_than(related.period)}."
            )
        if related.scope_id in below and is_longer(related.period, budget.period):
            raise PeriodLongerThanParent(
                f"{related.scope.path} below has a budget by {related.period}, which a budget by {budget.period} above"
                f" it could not fund: choose {related.period} or longer."
            )
        if related.scope_id == budget.scope_id and related.period != budget.period:
            raise Invalid(
                f"{budget.scope.path} has a budget by {related.period} in force: end it before one by {budget.period}"
                " takes its place.",
                code="other_period_in_force",
            )


def _check_years(budget: Budget, related: Budget, *, is_above: bool) -> None:
    """Invalid where a period of one would lie in two of the other, because their years start in other months."""
    inner, outer = (budget, related) if is_above or related.scope_id == budget.scope_id else (related, budget)
    if is_longer(inner.period, outer.period) or lie_within(
        (inner.period, inner.year_starts), (outer.period, outer.year_starts)
    ):
        return
    raise Invalid(
        f"{related.scope.path} has a budget by {related.period} in force whose year starts in"
        f" {month_name[related.year_starts]}, and the fiscal year now starts in {month_name[budget.year_starts]}: a"
        f" {inner.period} of one would lie in two of the other. End that one first, or let it run out.",
        code="fiscal_year_differs",
    )


def check_amount(
    unit: str, amount: Decimal, *, called: str = "The amount of a budget", counted: str = "A budget"
) -> None:
    """Invalid unless the amount is above 0, below 10^15, of at most nine places, whole in a counted unit. `called` and
    `counted` are what the refusal calls it.
    """
    if not amount.is_finite() or amount <= 0:
        raise Invalid(f"{called} is greater than zero.", code="amount_not_positive")
    if amount >= AMOUNT_BELOW:
        raise Invalid(f"{called} has at most 15 digits before the point.", code="amount_too_large")
    if amount != amount.quantize(NANO):
        raise Invalid(f"{called} has at most nine decimal places.", code="amount_too_fine")
    if unit in WHOLE_UNITS and amount != amount.to_integral_value():
        raise Invalid(f"{counted} in {unit} is a whole number.", code="amount_not_whole")


def check_name(budget: Budget, actor: Actor) -> None:
    """Invalid for a malformed name, or one that another budget of the organisation has; which one is told to an actor
    who sees it.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,252}", budget.name):
        raise Invalid(f"{budget.name!r} is no name: letters, digits and . _ / - only.", code="name_invalid")
    root = budget.scope.organisation_slug
    taken = (
        Budget.objects.filter(name=budget.name, status__in=(*OPEN, Budget.Status.APPROVED))
        .filter(scope__in=Scope.objects.filter(path__startswith=f"{root}/") | Scope.objects.filter(path=root))
        .exclude(scope=budget.scope, unit=budget.unit)
        .select_related("scope")
        .first()
    )
    if taken is not None:
        is_seen = actor.sees(taken.scope.path)
        whose = f"the {taken.unit} budget of {taken.scope.path}" if is_seen else "another budget of the organisation"
        raise Invalid(f"The name {budget.name!r} belongs to {whose}.", code="name_taken")


def _no_longer_than(period: str) -> str:
    return " or ".join(name for name, months in MONTHS.items() if months <= MONTHS[period])
