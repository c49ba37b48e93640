"""Comparing months reads their sums and says what their days say."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from allocation.usage.models import SummedMonth, UsageCallMonth, UsageChargeMonth
from allocation.usage.operations import record_usage, sum_months
from allocation.variance import queries
from allocation.variance.engine.periods import ComparedPeriod, ComparedPeriods, month
from allocation.variance.queries import ScopeVariance, charges
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM, event
from tests.allocation.prices.operations.test_exchange_rates import apply_book, apply_rates
from tests.allocation.variance.used import AT, PERIODS, call

pytestmark = pytest.mark.django_db

RATES = """
apiVersion: weir/v1
kind: ExchangeRates
metadata: {name: treasury}
spec:
  organisation: acme
  source: treasury
  rates:
    - {from: EUR, to: USD, effective_from: 2026-01-01, rate: "1.10"}
    - {from: EUR, to: USD, effective_from: 2026-09-17, rate: "1.25"}
"""
DAYS = {
    "august": date(2026, 8, 1), "september": date(2026, 9, 1), "october": date(2026, 10, 1),
    "late in september": date(2026, 9, 20), "november": date(2026, 11, 1), "in november": date(2026, 11, 21),
}  # fmt: skip


def period(first: str, until: str) -> ComparedPeriod:
    return ComparedPeriod(DAYS[first], DAYS[until])


COMPARED = [
    PERIODS,
    ComparedPeriods(period("august", "october"), period("october", "in november")),
    ComparedPeriods(period("august", "november"), period("october", "november")),
    ComparedPeriods(period("august", "late in september"), period("late in september", "november")),
    ComparedPeriods(period("september", "october"), period("late in september", "in november")),
    ComparedPeriods(month(date(2026, 8, 1)), period("november", "in november")),
]


@pytest.fixture
def _as_of_many_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charges, "MANY_SCOPES", 1)


def use_of_many_kinds(acme: Scope) -> None:
    kinds = (
        {}, {"model": "gpt-4o-mini"}, {"model": "nobody-knows"}, {"cost": Decimal("0.25"), "model": "house"},
        {"status": "error"}, {"operation": "embeddings"}, {"task_id": "t", "scope": "acme/ads"}, {"model": "in-euros"},
        {"gpu_seconds": Decimal("7.5"), "model": "llama"}, {"service_tier": "batch"},
    )  # fmt: skip
    events = [
        event(
            occurred_at=datetime(2026, 8, 3, 5, tzinfo=UTC) + timedelta(hours=61 * number),
            **{**call(1 + number % 3, 1), **kinds[number % len(kinds)]},
        )
        for number in range(44)
    ]
    result = record_usage(events=events, key_scope_id=acme.pk, at=AT)
    assert (result.accepted, result.rejected) == (len(events), ())


def variances(acme: Scope) -> list[tuple[ScopeVariance, list[ScopeVariance], list[ScopeVariance]]]:
    return [
        (
            *queries.scope_variance_with_places(scope_id=acme.pk, periods=periods),
            queries.scope_variances(actor=SYSTEM, scope_id=None, periods=periods),
        )
        for periods in COMPARED
    ]


@pytest.mark.usefixtures("_as_of_many_scopes")
def test_sums_of_months_say_what_their_days_say(acme: Scope, search: Scope) -> None:
    use_of_many_kinds(acme)
    before = variances(acme)
    assert sum_months(at=AT) == [date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)]
    with CaptureQueriesContext(connection) as captured:
        assert variances(acme) == before
    read = [query["sql"] for query in captured if "allocation_usagecharge" in query["sql"]]
    assert len(read) == 2 * len(COMPARED)
    assert sum("FROM allocation_usagechargemonth" in sql for sql in read) == 2 * len(COMPARED)
    # Of September and October nothing is left to read by day.
    assert "FROM allocation_usagecharge " not in read[0].replace("\n", " ")


@pytest.mark.usefixtures("_as_of_many_scopes")
def test_what_comes_in_for_a_summed_month_is_seen_at_once(acme: Scope, search: Scope) -> None:
    use_of_many_kinds(acme)
    sum_months(at=AT)
    late = event(occurred_at=datetime(2026, 9, 9, tzinfo=UTC), **call(5))
    record_usage(events=[late], key_scope_id=acme.pk, at=AT)
    assert list(SummedMonth.objects.values_list("month", flat=True)) == [date(2026, 8, 1), date(2026, 10, 1)]
    seen = variances(acme)
    assert sum_months(at=AT) == [date(2026, 9, 1)]
    assert variances(acme) == seen
    assert sum_months(at=AT) == []
    sums = (UsageChargeMonth.objects.count(), UsageCallMonth.objects.count())
    SummedMonth.objects.all().delete()
    sum_months(at=AT)
    assert (UsageChargeMonth.objects.count(), UsageCallMonth.objects.count()) == sums


@pytest.mark.usefixtures("_as_of_many_scopes")
def test_prices_in_another_currency_are_told_from_exchange_rates(acme: Scope) -> None:
    apply_rates(RATES)
    apply_book()
    use_of_many_kinds(acme)
    before = variances(acme)
    sum_months(at=AT)
    assert variances(acme) == before
