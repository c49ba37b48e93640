"""Forecasts of recorded use: kept, served, and shown beside the budget."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from allocation.usage.models import UsageScopeDay
from budgets.forecasts.models import Forecast
from budgets.forecasts.operations import make_forecasts, making
from budgets.forecasts.operations.use import daily_use
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.budgets.conftest import AT, SYSTEM, TODAY, Propose, browser, use

pytestmark = pytest.mark.django_db
ZEROS = dict.fromkeys(
    ("errors", "unpriced_requests", "partly_unpriced_requests", "unpriced_tokens", "cached_input_tokens",
     "output_tokens", "gpu_seconds", "tokenless_cost"),
    0,
)  # fmt: skip


def used(scope: Scope, cost: str, *, days: int, until: date = TODAY) -> None:
    """So much on each of so many days before `until`."""
    UsageScopeDay.objects.bulk_create(
        UsageScopeDay(
            scope=scope, bucket=datetime.combine(until - timedelta(days=ago), datetime.min.time(), UTC),
            activity="inference", requests=10, input_tokens=1000, cost=Decimal(cost), **ZEROS,
        )
        for ago in range(1, days + 1)
    )  # fmt: skip


def test_the_rest_of_the_period_and_three_months(search: Scope, approve: Propose) -> None:
    approve(search, "250")
    used(search, "10", days=90)
    assert make_forecasts(at=AT) == 8  # of the organisation, too
    period, *months = Forecast.objects.filter(scope=search).order_by("starts_on")
    assert (period.starts_on, period.ends_on, period.made_on) == (date(2026, 11, 1), date(2026, 12, 1), TODAY)
    assert (period.booked, period.budgeted) == (Decimal(230), Decimal(250))
    assert [round(amount) for amount in (period.low, period.mid, period.high)] == [300, 300, 300]
    assert {period.exhausted_early, period.exhausted_mid, period.exhausted_late} == {date(2026, 11, 25)}
    assert period.words.startswith("300.00 USD expected by 2026-11-30, 300.00 USD to 300.00 USD in 80 of 100 cases.")
    assert [round(Decimal(low)) for low, _mid, _high in period.path] == [240, 250, 260, 270, 280, 290, 300]
    assert (period.wape, period.coverage, period.looked_back > 10) == (Decimal(0), Decimal(1), True)
    assert [(str(month.starts_on), round(month.mid)) for month in months] == [
        ("2026-12-01", 310), ("2027-01-01", 310), ("2027-02-01", 280),
    ]  # fmt: skip
    assert [(month.budgeted, month.path, month.exhausted_mid) for month in months] == [(None, [], None)] * 3


def test_never_less_than_what_is_booked_today(search: Scope) -> None:
    used(search, "1", days=60)
    used(search, "500", days=1, until=TODAY + timedelta(days=1))
    make_forecasts(at=AT)
    forecast = Forecast.objects.get(scope=search, starts_on="2026-11-01")
    assert forecast.low == forecast.booked + 500 == Decimal(523)


def test_made_again_it_replaces_that_of_the_day(search: Scope) -> None:
    used(search, "1", days=60)
    make_forecasts(at=AT)
    make_forecasts(at=AT, scope_ids=[search.pk])
    assert Forecast.objects.filter(scope=search).count() == 4
    make_forecasts(at=AT + timedelta(days=1))
    assert Forecast.objects.filter(scope=search).count() == 8
    assert set(Forecast.objects.filter(scope=search).made_last().values_list("made_on", flat=True)) == {
        TODAY + timedelta(days=1)
    }


def test_too_little_is_known(search: Scope, approve: Propose) -> None:
    approve(search, "250")
    used(search, "10", days=5)
    make_forecasts(at=AT)
    forecast = Forecast.objects.get(scope=search, starts_on="2026-11-01")
    assert (forecast.mid, forecast.path, forecast.booked) == (None, [], Decimal(50))
    assert forecast.reason == "Not enough history: 5 of 14 days with use are known."


def test_what_is_idle_is_not_forecast(search: Scope) -> None:
    used(search, "10", days=50, until=TODAY - timedelta(days=61))
    assert make_forecasts(at=AT) == 0


def test_tokens_are_forecast_where_they_are_budgeted(search: Scope, approve: Propose) -> None:
    approve(search, "100000", unit="tokens")
    used(search, "10", days=60)
    make_forecasts(at=AT)
    forecast = Forecast.objects.get(scope=search, unit="tokens", starts_on="2026-11-01")
    assert (round(forecast.mid), forecast.currency, forecast.budgeted) == (30_000, "", Decimal(100_000))


def test_a_scope_has_the_use_of_all_below_it(acme: Scope, search: Scope) -> None:
    used(acme, "1", days=3)
    used(search, "2", days=2)
    tree = scope_tree()
    found = daily_use(tree, [search.pk, acme.pk], unit="money", since=TODAY - timedelta(days=4), until=TODAY)
    assert found.used.tolist() == [[0, 0], [0, 1], [2, 3], [2, 3]]
    assert found.tokens.tolist() == [[0, 0], [0, 1000], [1000, 2000], [1000, 2000]]


def test_an_organisation_that_fails_stops_no_other(search: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    other = create_scope(slug="other", kind="organisation", actor=SYSTEM, at=AT)
    used(search, "1", days=60)
    used(other, "1", days=60)

    def broken(tree: object, scopes: list[int], *_args: object) -> int:
        if search.pk in scopes:
            raise ValueError("broken")
        return len(scopes)

    monkeypatch.setattr(making, "_make", broken)
    assert make_forecasts(at=AT) == 4 * len(scope_tree().descendants(other.pk))


def test_the_command_says_the_amount_first(search: Scope, approve: Propose) -> None:
    approve(search, "250")
    used(search, "10", days=90, until=datetime.now(UTC).date())
    out = StringIO()
    call_command("forecast", scope="acme/search", stdout=out)
    path, words, _empty, head, *rows = out.getvalue().splitlines()
    assert (path, len(rows)) == ("acme/search", 4)
    assert "expected by" in words
    assert head.split()[:4] == ["days", "low", "mid", "high"]
    out = StringIO()
    call_command("forecast", stdout=out)
    assert "forecasts made." in out.getvalue()
    out = StringIO()
    call_command("forecast", scope="acme/search", unit="gpu_hours", stdout=out)
    assert "there is nothing to forecast" in out.getvalue()


def test_the_page_of_a_budget_shows_what_is_expected(search: Scope, approve: Propose, finance: Actor) -> None:
    today = datetime.now(UTC)
    budget = approve(search, "250", at=today)
    use(search, "1", on=today.date(), at=today)
    used(search, "10", days=90, until=today.date())
    page = reverse("admin:budgets_budget_change", args=[budget.pk])
    assert "80 of 100 cases" not in browser(finance).get(page).content.decode()
    make_forecasts(at=today)
    shown = browser(finance).get(page).content.decode()
    assert "expected; the area: 80 of 100 cases" in shown
    assert Forecast.objects.get(scope=search, starts_on=today.date().replace(day=1)).words in shown.replace(
        "&#x27;", "'"
    )
