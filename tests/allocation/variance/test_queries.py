"""Variances, from usage as it is recorded to what API, page and command show."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from allocation.variance import queries
from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.periods import ComparedPeriod, ComparedPeriods, month
from allocation.variance.engine.variance import Effects
from allocation.variance.queries import ScopeVariance, charges
from governance.errors import Invalid
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM
from tests.allocation.prices.operations.test_exchange_rates import apply_book, apply_rates
from tests.allocation.variance.used import OCTOBER, PERIODS, SEPTEMBER, M, call, use

pytestmark = pytest.mark.django_db


def variance_between(path: str = "acme", **changes: Any) -> ScopeVariance:
    return queries.scope_variance(scope_id=Scope.objects.get(path=path).pk, periods=PERIODS, **changes)


def shown(effects: Effects) -> dict[str, Decimal]:
    return {name: queries.money_of(part) for name, part in effects._asdict().items() if part}


def test_more_calls_of_the_same_model_are_volume(acme: Scope) -> None:
    use(acme, (9, call(1, 1)), (10, call(1, 1)), (10, call(1, 1)))
    compared = variance_between()
    assert (compared.variance.driver, compared.currency) == (Driver.REQUESTS, "USD")
    assert compared.variance.driver_reason == "no request names its task"
    assert shown(compared.variance.effects) == {"volume": Decimal("12.5")}


def test_tasks_that_take_more_tokens(acme: Scope) -> None:
    use(
        acme,
        (9, call(1, task_id="a")), (9, call(1, task_id="b")),
        (10, call(1, task_id="c")), (10, call(2, task_id="c")), (10, call(1, task_id="d")),
    )  # fmt: skip
    variance = variance_between().variance
    assert (variance.driver, variance.activity.tasks, variance.activity.requests) == (Driver.TASKS, (2, 2), (2, 3))
    assert shown(variance.effects) == {"intensity": Decimal(5)}
    assert shown(variance_between(driver=Driver.TOKENS).variance.effects) == {"volume": Decimal(5)}


def test_a_dearer_model_and_more_cached_input_are_mix(acme: Scope) -> None:
    """gpt-4o: $2.50 in, half of that cached; gpt-4o-mini $0.15 and $0.075."""
    use(acme, (9, call(4)), (10, call(2)), (10, call(2, model="gpt-4o-mini")))
    variance = variance_between().variance
    assert shown(variance.effects) == {"intensity": Decimal(-5), "new": Decimal("0.30")}
    assert sum(shown(variance.effects).values()) == queries.money_of(variance.change)
    assert {model.model: model.status for model in variance.models} == {"gpt-4o": "kept", "gpt-4o-mini": "entered"}


def test_cached_input_is_a_kind_of_its_own(acme: Scope) -> None:
    cached = {"tokens": {"input": M, "cached_input": M}}
    use(acme, (9, call(1)), (10, cached))
    variance = variance_between().variance
    assert shown(variance.effects) == {"mix": Decimal("-1.25")}
    assert variance.kind_mix == variance.effects.mix


def test_a_new_price_book_is_price(acme: Scope) -> None:
    from tests.allocation.prices.operations.test_price_books import apply_book

    apply_book(
        """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: contract}
spec:
  organisation: acme
  currency: USD
  prices:
    - {provider: openai, model: gpt-4o, input: "10", output: "10", effective_from: 2026-01-01T00:00:00Z,
       effective_to: 2026-10-01T00:00:00Z}
    - {provider: openai, model: gpt-4o, input: "5", output: "5", effective_from: 2026-10-01T00:00:00Z}
"""
    )
    use(acme, (9, call(100)), *((10, call(100)),) * 3)
    variance = variance_between().variance
    assert shown(variance.effects) == {"volume": 1500, "price": -1000}
    assert (variance.rebound_ratio, variance.is_jevons) == (Decimal("1.5"), True)


def test_unpriced_usage_is_counted_apart(acme: Scope) -> None:
    use(acme, (9, call(1)), (10, call(1)), (10, call(7, model="home-made")))
    compared = variance_between()
    assert (compared.variance.change, compared.variance.effects.volume > 0) == (0, True)
    assert (compared.unpriced_requests, compared.unpriced_tokens) == ((0, 1), (0, 7 * M))
    assert [model.model for model in compared.variance.models] == ["gpt-4o"]


def test_what_failed_is_no_volume(acme: Scope) -> None:
    use(acme, (9, call(1)), (10, call(1)), (10, call(0, status="error")))
    assert variance_between().variance.activity.requests == (1, 1)


def test_a_bill_without_a_known_price_is_spread_over_its_tokens(acme: Scope) -> None:
    use(
        acme,
        (9, call(1, model="own", cost=Decimal(4))), (10, call(1, model="own", cost=Decimal(2))),
        (10, call(1, model="own", cost=Decimal(2))),
    )  # fmt: skip
    variance = variance_between().variance
    assert shown(variance.effects) == {"volume": 3, "price": -3}
    assert [line.kind for line in variance.models[0].lines] == ["billed"]


def test_the_gateways_own_cache_is_a_kind_that_costs_nothing(acme: Scope) -> None:
    use(acme, (9, call(2)), (10, call(1)), (10, call(1, cached_response=True)))
    variance = variance_between().variance
    assert variance.effects.price == 0
    assert variance.kind_mix < 0


def test_a_scope_counts_with_all_below_it(acme: Scope) -> None:
    use(acme, (9, call(1)), (10, call(1)), (10, call(3, scope="acme/search/ranker")), (10, call(1, scope="acme/ads")))
    rows = queries.scope_variances(actor=SYSTEM, scope_id=None, periods=PERIODS)
    assert [(row.path, queries.money_of(row.variance.change)) for row in rows] == [
        ("acme", Decimal(10)), ("acme/search", Decimal("7.5")), ("acme/search/ranker", Decimal("7.5")),
        ("acme/ads", Decimal("2.5")),
    ]  # fmt: skip
    assert [row.variance.status for row in rows] == ["kept", "kept", "new", "new"]
    for row in rows:
        assert row.variance.effects == variance_between(row.path).variance.effects


@pytest.mark.parametrize("count", [1, 3])
def test_many_scopes_take_two_queries(acme: Scope, django_assert_num_queries: Any, count: int) -> None:
    use(acme, *((10, call(1, scope=path)) for path in ("acme/search", "acme/ads", "acme/search/ranker")[:count]))
    queries.scope_variances(actor=SYSTEM, scope_id=None, periods=PERIODS)
    # Two of what was used; the others read the scope tree, which this transaction has changed.
    with django_assert_num_queries(6):
        queries.scope_variances(actor=SYSTEM, scope_id=None, periods=PERIODS)


def test_of_many_scopes_the_sums_are_held_in_memory(acme: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    use(acme, *((10, call(1, scope=path)) for path in ("acme/search", "acme/ads", "acme/search/ranker")))
    few = queries.scope_variances(actor=SYSTEM, scope_id=None, periods=PERIODS)
    monkeypatch.setattr(charges, "MANY_SCOPES", 3)
    with CaptureQueriesContext(connection) as captured:
        assert queries.scope_variances(actor=SYSTEM, scope_id=None, periods=PERIODS) == few
    assert sum("set_config('work_mem', '64MB', true)" in query["sql"] for query in captured) == 2


def test_periods_may_overlap_and_be_of_any_length(acme: Scope) -> None:
    use(acme, (9, call(1)), (10, call(1)))
    both = ComparedPeriod(SEPTEMBER.since, OCTOBER.until)
    variance = queries.scope_variance(scope_id=acme.pk, periods=ComparedPeriods(both, OCTOBER)).variance
    assert queries.money_of(variance.change) == Decimal("-2.5")


def test_the_scopes_right_below_sum_to_the_headline_effect_by_effect(acme: Scope) -> None:
    use(
        acme,
        (9, call(1)), (9, call(2, scope="acme/ads", task_id="a")), (9, call(5, scope="acme/search/ranker")),
        (10, call(3, 1)), (10, call(1, model="gpt-4o-mini")), (10, call(4, scope="acme/ads", task_id="b")),
        (10, call(2, scope="acme")),
    )  # fmt: skip
    headline = variance_between()
    places = queries.variances_right_below(scope_id=acme.pk, periods=PERIODS)
    assert [place.path for place in places] == ["acme", "acme/ads", "acme/search"]
    assert [sum(column) for column in zip(*(place.variance.effects for place in places), strict=True)] == list(
        headline.variance.effects
    )
    assert sum(place.variance.change for place in places) == headline.variance.change == sum(headline.variance.effects)
    for place in places[1:]:
        assert place.variance.effects == variance_between(place.path).variance.effects
    assert queries.scope_variance_with_places(scope_id=acme.pk, periods=PERIODS) == (headline, places)


def test_what_is_new_and_what_ended_are_named(acme: Scope) -> None:
    use(acme, (9, call(1)), (9, call(2, scope="acme/ads")), (10, call(1)), (10, call(4, scope="acme/search/ranker")))
    findings = variance_between().variance.findings
    entries = (*findings.new, *findings.ended)
    assert [(entry.scope, entry.model, queries.money_of(entry.amount)) for entry in entries] == [
        ("acme/search/ranker", "", Decimal(10)), ("acme/ads", "", Decimal(-5)),
    ]  # fmt: skip
    assert shown(variance_between().variance.effects) == {"new": 10, "ended": -5}


def test_exchange_rates_are_told_from_prices(acme: Scope) -> None:
    """A book in euros at 2.00 a million, the same in both months; the euro rises from 1.10 to 1.20."""
    rates = """
apiVersion: weir/v1
kind: ExchangeRates
metadata: {name: treasury}
spec:
  organisation: acme
  source: treasury
  rates:
    - {from: EUR, to: USD, effective_from: 2026-01-01, rate: "1.10"}
    - {from: EUR, to: USD, effective_from: 2026-10-01, rate: "1.20"}
"""
    apply_rates(rates)
    apply_book()
    use(acme, (9, call(4)), (10, call(4)))
    assert shown(variance_between().variance.effects) == {"exchange": Decimal("0.8")}
    use(acme, (10, call(4)))
    effects = shown(variance_between().variance.effects)
    assert effects == {"volume": Decimal("9.2"), "exchange": Decimal("1.2")}


def test_a_month_that_runs_is_compared_pro_rata(acme: Scope) -> None:
    periods = queries.compared_periods(
        since=date(2026, 11, 1),
        until=date(2026, 12, 1),
        against_since=None,
        against_until=None,
        today=date(2026, 11, 24),
    )
    assert (periods.before.last_day, periods.after.last_day) == (date(2026, 10, 23), date(2026, 11, 23))
    with pytest.raises(Invalid, match="No whole day of 2026-12 is over"):
        queries.compared_periods(
            since=date(2026, 12, 1), until=date(2027, 1, 1), against_since=None, against_until=None,
            today=date(2026, 12, 1),
        )  # fmt: skip


@pytest.mark.parametrize(
    "periods",
    [
        pytest.param(ComparedPeriods(SEPTEMBER, OCTOBER), id="one after the other"),
        pytest.param(ComparedPeriods(OCTOBER, SEPTEMBER), id="the later one first"),
        pytest.param(ComparedPeriods(month(date(2026, 8, 1)), OCTOBER), id="apart"),
        pytest.param(ComparedPeriods(OCTOBER, month(date(2026, 8, 1))), id="apart, the later one first"),
        pytest.param(ComparedPeriods(OCTOBER, OCTOBER), id="the same"),
        pytest.param(ComparedPeriods(ComparedPeriod(date(2026, 9, 10), date(2026, 10, 20)), OCTOBER), id="overlapping"),
        pytest.param(
            ComparedPeriods(SEPTEMBER, ComparedPeriod(date(2026, 8, 1), date(2026, 11, 1))), id="one within the other"
        ),
    ],
)
def test_each_day_counts_in_every_period_that_holds_it(acme: Scope, periods: ComparedPeriods) -> None:
    calls = [(number, call(number, task_id=f"task of {number}")) for number in (7, 8, 9, 10)]
    use(acme, *calls)
    variance = queries.scope_variance(scope_id=acme.pk, periods=periods).variance

    def within(values: dict[int, int]) -> tuple[int, ...]:
        return tuple(
            sum(value for number, value in values.items() if period.since <= date(2026, number, 15) < period.until)
            for period in (periods.before, periods.after)
        )

    assert variance.used["token"] == within({number: number * M for number, _call in calls})
    assert variance.cost == within({number: number * 2_500_000_000 for number, _call in calls})
    assert variance.activity.requests == within(dict.fromkeys((7, 8, 9, 10), 1))
    assert variance.activity.tasks == within(dict.fromkeys((7, 8, 9, 10), 1))
