"""What pages, commands and detection say of an organisation whose causes are known."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from allocation.anomalies.models import Anomaly
from allocation.anomalies.operations import detect_anomalies
from allocation.meters.engine.months import Month
from allocation.shared_cost.operations import run_allocation
from allocation.shared_cost.queries import fully_loaded
from allocation.unit_economics.queries import unit_economics
from allocation.usage.models import UsageCharge
from allocation.variance import queries
from allocation.variance.engine.periods import ComparedPeriods, month
from governance.people.models import User
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM
from tests.allocation.planted import AT, LATE_AT, UNTIL, plant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("planted")]
DAY = timedelta(days=1)
MORNING = timedelta(minutes=40)
RUNNING = "--month=2026-11"
PRO_RATA = "2026-11 still runs: its first 23 days so far, until 2026-11-23, against the first 23 days of 2026-10."


@pytest.fixture(scope="module")
def planted(kept_rows: None) -> Scope:
    """All that is planted, written once."""
    return plant()


def moved(path: str, *arguments: str) -> list[str]:
    out = StringIO()
    with time_machine.travel(AT, tick=False):
        call_command("moved", f"--scope={path}", *arguments, stdout=out)
    return out.getvalue().splitlines()


def page(path: str) -> str:
    client = Client()
    operator = User.objects.create_superuser("o@planted.example", "a long password")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    periods = "first=2026-11-01&last=2026-11-30&against_first=2026-10-01&against_last=2026-10-31"
    with time_machine.travel(AT, tick=False):
        return client.get(f"/admin/allocation/usageday/what-moved/?scope={path}&{periods}").content.decode()


PRICE_CUT = "Lower prices saved 325.51 EUR, of which more use took 29.7 % back."
RATES = "26.39 EUR more comes from exchange rates alone: neither use nor prices changed by it."
LATE = (
    "450.00 EUR more is booked without use: late usage and corrections of closed months, and moves. Read the"
    " corrections."
)
LAUNCH = "855.68 EUR is new, not used before: planted/search/agents +855.68. Check that it was planned."
LOST_CACHE = (
    "296.60 EUR more for less caching: of the input of beacon in planted/support, the cached share fell from 80.0 % to"
    " 36.8 %. Look for a changed start of its prompts."
)


@pytest.mark.parametrize(
    ("path", "month_", "sentences"),
    [
        pytest.param("planted/search", "--month=2026-10", [RATES, PRICE_CUT], id="price cut and exchange rate"),
        pytest.param("planted/support", RUNNING, [PRO_RATA, LOST_CACHE], id="cache regression"),
        pytest.param("planted/search/agents", RUNNING, [PRO_RATA, LAUNCH], id="agent launch"),
        pytest.param("planted/search", RUNNING, [PRO_RATA, LAUNCH, LATE], id="late usage of a closed month"),
        pytest.param("planted", RUNNING, [PRO_RATA, LAUNCH, LATE, LOST_CACHE], id="the whole, once each"),
        pytest.param("planted/platform", RUNNING, [PRO_RATA], id="a team of which nothing is planted"),
    ],
)
def test_each_plant_is_one_true_sentence(path: str, month_: str, sentences: list[str]) -> None:
    told = moved(path, month_)
    assert told[2 : 2 + len(sentences)] == sentences
    assert told[2 + len(sentences)].startswith("requests: ")


def test_the_page_tells_what_the_command_tells() -> None:
    shown = page("planted")
    for sentence in (PRO_RATA, LAUNCH, LATE, LOST_CACHE):
        assert sentence in shown


@pytest.mark.parametrize("number", [9, 10])
def test_the_scopes_sum_to_the_headline(planted: Scope, number: int) -> None:
    periods = ComparedPeriods(month(date(2026, number, 1)), month(date(2026, number + 1, 1)))
    headline = queries.scope_variance(scope_id=planted.pk, periods=periods).variance
    places = queries.variances_right_below(scope_id=planted.pk, periods=periods)
    assert [sum(column) for column in zip(*(place.variance.effects for place in places), strict=True)] == list(
        headline.effects
    )
    assert sum(headline.effects) == headline.change
    assert not headline.is_jevons


def test_each_rise_is_found_on_the_next_morning_and_nothing_else() -> None:
    for number in range(23, -1, -1):
        day = UNTIL - DAY * number
        detect_anomalies(at=datetime(day.year, day.month, day.day, tzinfo=UTC) + MORNING)
    assert [
        (row.scope.path, row.model, row.metric, f"{row.first_day:%m-%d}", row.days_count, row.status, row.detected_at)
        for row in Anomaly.objects.select_related("scope").order_by("first_day")
    ] == [
        ("planted/support", "beacon", "cost", "11-10", 13, "open", datetime(2026, 11, 11, 0, 40, tzinfo=UTC)),
        ("planted/search/agents", "pilot", "cost", "11-12", 12, "open", datetime(2026, 11, 13, 0, 40, tzinfo=UTC)),
        ("planted/ads", "pilot", "cost", "11-18", 1, "closed", datetime(2026, 11, 19, 0, 40, tzinfo=UTC)),
    ]
    out = StringIO()
    call_command("anomalies", "list", "--scope=planted/ads", stdout=out)
    assert out.getvalue() == (
        "134.87 EUR more than usual: planted/ads used pilot for 154.13 EUR instead of 19.26 EUR on 2026-11-18 (look at"
        " its records and say what it was).\n"
    )


@pytest.mark.parametrize("number", [9, 10, 11])
def test_what_moved_unit_economics_and_charges_agree_on_a_month(planted: Scope, number: int) -> None:
    """To nine places, with the late usage in November."""
    chosen = month(date(2026, number, 1))
    charges = UsageCharge.objects.filter(day__gte=chosen.since, day__lt=chosen.until)
    of_charges = sum(charges.values_list("effective_cost", flat=True), Decimal(0))
    periods = ComparedPeriods(month(date(2026, number - 1, 1)), chosen)
    variance = queries.scope_variance(scope_id=planted.pk, periods=periods).variance
    assert queries.money_of(variance.cost[1]) == of_charges
    assert unit_economics(scope_id=planted.pk, since=chosen.since, until=chosen.until).cost == of_charges


def test_the_platform_team_is_shared_out_to_the_last_place(planted: Scope) -> None:
    october = Month(2026, 10)
    run_allocation(organisation=planted, month=october, actor=SYSTEM, at=AT)
    loaded = fully_loaded(planted.pk, october)
    platform = Scope.objects.get(path="planted/platform").pk
    assert (loaded[platform].total, loaded[platform].shared_out) == (0, loaded[platform].direct)
    assert sum(cost.shared_in for cost in loaded.values()) == loaded[platform].direct
    assert sum(cost.total for cost in loaded.values()) == sum(cost.direct + cost.external for cost in loaded.values())


def test_late_usage_is_a_correction_and_the_closed_month_keeps_its_cost() -> None:
    late = UsageCharge.objects.get(charge_class="Correction")
    assert (late.day, late.effective_cost, late.scope.path) == (LATE_AT.date(), 450, "planted/search")
