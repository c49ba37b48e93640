"""The order in which budgets run out is that which is shown."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from budgets.forecasts.models import Forecast
from budgets.forecasts.queries import outlook_on, pro_rata_on, runs_out_on, with_forecast
from budgets.ledger.queries import facts_by_budget
from budgets.plans.models import Budget
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, TODAY, Propose, use

pytestmark = pytest.mark.django_db


def expected(
    budget: Budget, *mids: str, made_on: date = TODAY, reason: str = "", starts_on: date = date(2026, 11, 1)
) -> None:
    """A forecast of November whose middle path has these running totals; without any, the reason why not."""
    last = Decimal(mids[-1]) if mids else None
    Forecast.objects.create(
        scope=budget.scope, unit=budget.unit, currency=budget.currency, made_on=made_on, made_at=AT,
        starts_on=starts_on, ends_on=date(2026, 12, 1), booked=0, low=last, mid=last, high=last,
        path=[[mid, mid, mid] for mid in mids], reason=reason,
    )  # fmt: skip


def ordered(at_day: date) -> Sequence[Any]:
    return list(
        with_forecast(Budget.objects.all(), day=at_day)
        .annotate(day=runs_out_on(at_day), pace=pro_rata_on(at_day))
        .order_by("scope__path", "unit")
    )


def test_the_database_orders_by_what_is_shown(acme: Scope, ranker: Scope, approve: Propose, propose: Propose) -> None:
    def team(slug: str) -> Scope:
        return create_scope(slug=slug, kind="team", parent=acme, actor=SYSTEM, at=AT)

    whole = approve(acme, "1000")
    below, above, spent = team("below"), team("more"), team("spent")
    use(ranker, "240", at=AT)
    expected(whole, "300", "900", "999.999999999", "1000", "1100")
    hours = approve(below, "2.5", unit="gpu_hours")
    use(below, "0", gpu_seconds="3601.5", at=AT)
    expected(hours, "1", "2.5", "3", made_on=TODAY - timedelta(days=1))
    lasts, over = approve(above, "10"), approve(spent, "1")
    expected(lasts, "1", "9.9")
    use(spent, "1.5", at=AT)
    expected(over, reason="Not enough history: 1 of 14 days with use are known.")
    # Neither what is two days old nor what is of other days says anything.
    old, other, unknown = (approve(team(slug), "7") for slug in ("v", "w", "x"))
    expected(old, "8", made_on=TODAY - timedelta(days=2))
    expected(other, "8", starts_on=date(2026, 10, 1))
    use(unknown.scope, "6.9", at=AT)
    proposed = propose(team("y"), "7")

    found = ordered(TODAY)
    facts = facts_by_budget(found, at=AT)
    known = {each.pk: outlook_on(TODAY, each, facts[each.pk]) for each in found if each.pk in facts}

    assert known.keys() == {each.pk for each in found} - {proposed.pk}
    assert [each.day for each in found] == [known[each.pk].runs_out_on if each.pk in known else None for each in found]
    in_force = [each for each in found if each.pk in known]
    assert [round(each.pace, 6) for each in in_force] == [
        round(known[each.pk].pro_rata_ratio or Decimal(0), 6) for each in in_force
    ]
    assert {each.scope.slug: each.day and each.day.day for each in in_force} == {
        "acme": 27, "below": 24, "more": None, "spent": 24, "v": None, "w": None, "x": None,
    }  # fmt: skip
