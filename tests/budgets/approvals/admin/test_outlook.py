"""The list of budgets as finance reads it: what runs out first on top, with its figures."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from budgets.forecasts.models import Forecast
from budgets.plans.engine.periods import period_of
from budgets.plans.models import Budget
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import SYSTEM, Propose, browser, grant_by_two, use
from tests.budgets.reservations.held import held

NOW = timezone.now()
TODAY = NOW.date()
MONTH = period_of("month", TODAY)
LIST = "/admin/budgets/budget/"


def expected(budget: Budget, *mids: str, reason: str = "") -> None:
    """From today on, with a tenth less and a tenth more."""
    path = [[str(Decimal(mid) * share / 10) for share in (9, 10, 11)] for mid in mids]
    low, mid, high = path[-1] if path else (None, None, None)
    Forecast.objects.create(
        scope=budget.scope, unit=budget.unit, currency=budget.currency, made_on=TODAY, made_at=NOW,
        starts_on=MONTH.start, ends_on=MONTH.end, booked=0, low=low, mid=mid, high=high, path=path, reason=reason,
    )  # fmt: skip


@pytest.fixture
def budgets(acme: Scope, approve: Propose, propose: Propose) -> dict[str, Budget]:
    """In the order in which finance has to look at them."""

    def team(slug: str) -> Scope:
        return create_scope(slug=slug, kind="team", parent=acme, actor=SYSTEM, at=NOW)

    made = {slug: approve(team(slug), "100", at=NOW) for slug in ("e-spent", "d-soon", "c-fast", "b-slow", "a-unused")}
    made["0-asked"] = propose(team("0-asked"), "7", at=NOW)
    for slug, used in (("e-spent", "130"), ("d-soon", "10"), ("c-fast", "99"), ("b-slow", "1")):
        use(made[slug].scope, used, on=TODAY, at=NOW)
    expected(made["d-soon"], "95", "101")
    expected(made["b-slow"], "1", "2")
    expected(made["c-fast"], reason="Not enough history: 5 of 14 days with use are known.")
    return made


def shown(page: str) -> dict[str, list[str]]:
    """By team the cells of its row."""
    rows = re.findall(r"acme/[a-z0-9-]+<br>.*?</tr>", page, re.DOTALL)
    cells = [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.split("</t[dh]>", row)] for row in rows]
    return {each[0].split()[0].removeprefix("acme/"): each[1:] for each in cells}


def day(days: int) -> str:
    when = TODAY + timedelta(days=days)
    return f"{when.day} {when:%b}"


def test_what_runs_out_first_stands_on_top(budgets: dict[str, Budget], finance: Actor) -> None:
    page = shown(browser(finance).get(LIST).content.decode())
    assert list(page) == list(budgets)
    assert (page["e-spent"][0], *page["e-spent"][2:7]) == (
        "spent", "100.00 USD", "130.00 USD 130.0 %", "–", "-30.00 USD", "ada@example.com, fay@example.com",
    )  # fmt: skip
    assert page["d-soon"][0] == f"{day(1)} {day(0)} at the earliest"
    assert page["c-fast"][0] == "Not enough history 5 of 14 days with use are known"
    assert [page[slug][0] for slug in ("b-slow", "a-unused", "0-asked")] == [
        "lasts the period", "No forecast yet made each night", "–",
    ]  # fmt: skip
    assert page["0-asked"][:6] == ["–"] * 6


def test_the_page_has_actual_held_and_forecast_in_one_chart(budgets: dict[str, Budget], finance: Actor) -> None:
    budget = budgets["d-soon"]
    held(budget.scope, "12.5", at=NOW)
    page = browser(finance).get(f"{LIST}{budget.pk}/change/").content.decode()
    assert "10.00 USD of 100.00 USD used and 12.50 USD held" in page
    assert f"spent on {day(1)}</text>" in page
    assert "101.00 USD expected by" in page
    assert f"which is spent on {TODAY + timedelta(days=1)} (from {TODAY} to the end of the period or later)" in page
    assert f"Worked out on {TODAY}." in page
    # The path is of what was expected, the amount is that of now.
    grant_by_two(budget_id=budget.pk, amount=Decimal(20), actor=finance, reason="launch", at=NOW)
    page = browser(finance).get(f"{LIST}{budget.pk}/change/").content.decode()
    assert "</text>" in page
    assert "spent on" not in page
    page = browser(finance).get(f"{LIST}{budgets['c-fast'].pk}/change/").content.decode()
    assert "Not enough history: 5 of 14 days with use are known." in page


def test_the_same_order_over_http_a_page_at_a_time(budgets: dict[str, Budget], finance: Actor) -> None:
    client = APIClient()
    client.force_login(finance.user)
    found: list[dict[str, Any]] = []
    url = "/api/v1/budgets?order=runs_out&limit=2"
    while url:
        answer = client.get(url).json()
        found, url = [*found, *answer["results"]], answer["next"]
    assert [each["scope"] for each in found] == [f"acme/{slug}" for slug in budgets]
    assert [each["outlook"] and each["outlook"]["is_spent"] for each in found] == [
        True, False, False, False, False, None,
    ]  # fmt: skip
    soon = found[1]["outlook"]
    assert (soon["runs_out_on"], soon["earliest"], soon["latest"], soon["reason"]) == (
        str(TODAY + timedelta(days=1)), str(TODAY), None, "",
    )  # fmt: skip
    assert found[2]["outlook"]["reason"] == "Not enough history: 5 of 14 days with use are known."
    assert client.get("/api/v1/budgets?order=cheapest").status_code == 400
