from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from allocation.meters.documents import UsageEvent
from allocation.usage.operations import record_usage
from allocation.usage.queries import fine_from
from budgets.forecasts.models import Forecast
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from policies.evaluation.queries.facts import CLOCK_AHEAD_MAX, load_facts
from policies.guardrails.engine.facts import LASTS_S, WINDOWS, fact_key
from policies.guardrails.engine.types import FactValue
from tests.policies.conftest import AT, Spend


def test_what_waits_in_quarantine_is_a_fact_of_the_sender_and_of_those_above(acme: Scope, search: Scope) -> None:
    """Also where no usage has ever arrived: then everything else is not known."""
    late = UsageEvent.model_validate(
        {"id": "1", "source": "gateway", "occurred_at": AT, "scope": "acme/nowhere", "provider": "openai",
         "model": "gpt-4o", "cost": Decimal("310.2")}
    )  # fmt: skip
    record_usage(events=[late], key_scope_id=search.pk, at=AT)
    keys = [fact_key("quarantine.cost"), fact_key("quarantine.records"), fact_key("requests", "1h")]
    tree = scope_tree()
    other = tree.unattributed(acme.pk)
    facts = load_facts(keys_of=dict.fromkeys([acme.pk, search.pk, other], keys), tree=tree, at=AT).values
    waiting = [FactValue(310.2, AT, 0.0, Decimal("310.2")), FactValue(1.0, AT, 0.0, Decimal(1)), FactValue(None, AT)]
    nothing = [FactValue(0.0, AT, 0.0, Decimal(0)), FactValue(0.0, AT, 0.0, Decimal(0)), FactValue(None, AT)]
    assert [list(facts[scope_id].values()) for scope_id in (acme.pk, search.pk, other)] == [waiting, waiting, nothing]


def test_no_window_reaches_back_beyond_the_minutes_that_are_kept() -> None:
    assert settings.USAGE_MINUTES_DAYS == 31
    lengths = [length for length in WINDOWS.values() if length is not None]
    assert [length for length in lengths if AT - length < fine_from(AT + CLOCK_AHEAD_MAX)] == []


EXPECTED = [fact_key(f"forecast.{name}") for name in ("period_end.low", "period_end.mid", "period_end.high")]
EXHAUSTED = fact_key("forecast.exhausted_in")
MADE = AT - timedelta(hours=8)


def forecast(scope: Scope, bounds: tuple[int, int, int] | None, *, path: Sequence[tuple[int, int, int]] = ()) -> None:
    """Of November, from today on."""
    known = dict(zip(("low", "mid", "high"), map(Decimal, bounds), strict=True)) if bounds else {"reason": "Too short."}
    Forecast.objects.create(
        scope=scope, unit="money", currency="USD", made_on=AT.date(), made_at=MADE, booked=Decimal(0),
        starts_on=date(2026, 11, 1), ends_on=date(2026, 12, 1),
        path=[[str(bound) for bound in bounds] for bounds in path], **known,
    )  # fmt: skip


def read(scope: Scope) -> list[FactValue]:
    tree = scope_tree()
    with CaptureQueriesContext(connection) as captured:
        values = load_facts(keys_of={scope.pk: [*EXPECTED, EXHAUSTED]}, tree=tree, at=AT).values[scope.pk]
    assert sum("budgets_forecast" in query["sql"] for query in captured) == 1
    return list(values.values())


@pytest.mark.usefixtures("budget")
def test_what_is_expected_of_a_budget_is_as_old_as_its_forecast_and_never_less_than_what_is_used(
    search: Scope, spend: Spend
) -> None:
    spend("acme/search", "80")
    forecast(search, (70, 110, 150), path=[(60, 82, 90), (65, 95, 120), (70, 100, 130), (70, 110, 150)])
    made = [FactValue(float(number), MADE, 28800.0, Decimal(number)) for number in (80, 110, 150)]
    # On the third of these days, the 26th, it is spent.
    until = 36 * 3600
    assert read(search) == [*made, FactValue(float(until), MADE, 28800.0, Decimal(until))]


@pytest.mark.usefixtures("budget")
def test_a_budget_that_lasts_runs_out_in_ten_years_and_one_that_is_spent_now(search: Scope, spend: Spend) -> None:
    forecast(search, (30, 40, 50), path=[(10, 20, 30), (30, 40, 50)])
    assert read(search)[-1].value == LASTS_S
    spend("acme/search", "100")
    assert read(search)[-1].value == 0


@pytest.mark.usefixtures("budget")
def test_where_the_history_says_too_little_or_nothing_was_forecast_nothing_is_known(search: Scope) -> None:
    nothing = [FactValue(None, AT)] * 4
    assert read(search) == nothing
    forecast(search, None)
    assert read(search) == nothing


def test_without_a_budget_there_is_none_to_forecast(search: Scope) -> None:
    forecast(search, (70, 110, 150))
    assert read(search) == [FactValue(None, AT, absent=True)] * 4
