"""What pages, commands and detection say of an organisation whose causes are known."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils.html import strip_tags

from allocation.anomalies.models import Anomaly
from allocation.anomalies.operations import detect_anomalies
from allocation.commitments.engine.covered_months import CommitmentMonth
from allocation.commitments.models import Commitment
from allocation.commitments.queries import commitments_in
from allocation.meters.engine.months import Month
from allocation.shared_cost.operations import run_allocation
from allocation.shared_cost.queries import fully_loaded
from allocation.unit_economics.queries import unit_economics
from allocation.usage.models import UsageCharge
from allocation.variance import queries
from allocation.variance.engine.periods import ComparedPeriods, month
from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from budgets.ledger.queries.facts import budget_facts
from governance.people.models import User
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.allocation.conftest import SYSTEM
from tests.allocation.planted import AT, LATE_AT, NODE_BILL, UNTIL, plant
from tests.allocation.shared_cost.queries.test_committed import by_sub_account
from tests.budgets.conftest import person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("planted")]
DAY = timedelta(days=1)
MORNING = timedelta(minutes=40)
RUNNING = "--month=2026-11"
PRO_RATA = "2026-11 still runs: its first 23 days so far, until 2026-11-23, against the first 23 days of 2026-10."


@pytest.fixture(scope="module")
def planted(kept_rows: None) -> Scope:
    """All that is planted, written once."""
    return plant()


def command(name: str, *arguments: str) -> str:
    out = StringIO()
    with time_machine.travel(AT, tick=False):
        call_command(name, *arguments, stdout=out)
    return out.getvalue()


def moved(path: str, *arguments: str) -> list[str]:
    return command("moved", f"--scope={path}", *arguments).splitlines()


def admin_page(address: str) -> str:
    client = Client()
    operator = User.objects.create_superuser("o@planted.example", "a long password")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    with time_machine.travel(AT, tick=False):
        return client.get(address).content.decode()


def page(path: str) -> str:
    periods = "first=2026-11-01&last=2026-11-30&against_first=2026-10-01&against_last=2026-10-31"
    return admin_page(f"/admin/allocation/usageday/what-moved/?scope={path}&{periods}")


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


def charged(number: int) -> Decimal:
    """What usage was booked at in a month."""
    chosen = month(date(2026, number, 1))
    charges = UsageCharge.objects.filter(day__gte=chosen.since, day__lt=chosen.until)
    return sum(charges.values_list("effective_cost", flat=True), Decimal(0))


def node_month(planted: Scope, number: int) -> CommitmentMonth:
    [node] = commitments_in(planted.pk, Month(2026, number))
    return node


@pytest.mark.parametrize("number", [9, 10, 11])
def test_what_moved_is_what_was_booked_and_unit_economics_hold_the_bill_of_the_node(
    planted: Scope, number: int
) -> None:
    """To nine places, with the late usage in November."""
    chosen = month(date(2026, number, 1))
    periods = ComparedPeriods(month(date(2026, number - 1, 1)), chosen)
    variance = queries.scope_variance(scope_id=planted.pk, periods=periods).variance
    assert queries.money_of(variance.cost[1]) == charged(number)
    node = node_month(planted, number)
    assert node.amount == NODE_BILL
    cost = unit_economics(scope_id=planted.pk, since=chosen.since, until=chosen.until).cost
    assert cost == charged(number) - node.booked_cost + NODE_BILL


@pytest.mark.parametrize("number", [9, 10, 11])
def test_allocation_and_focus_agree_by_scope_and_with_unit_economics(planted: Scope, number: int) -> None:
    """To nine places, before the platform team is shared out and after."""
    chosen, paths = month(date(2026, number, 1)), scope_tree().by_id
    exported_by_scope = by_sub_account(planted, chosen.since)
    whole = unit_economics(scope_id=planted.pk, since=chosen.since, until=chosen.until).cost

    def by_scope() -> dict[str, Decimal]:
        loaded = fully_loaded(planted.pk, Month(2026, number))
        return {paths[scope_id].path: cost.total for scope_id, cost in loaded.items() if cost.total}

    assert by_scope() == exported_by_scope
    assert sum(exported_by_scope.values()) == whole
    run_allocation(organisation=planted, month=Month(2026, number), actor=SYSTEM, at=AT)
    assert by_scope() == by_sub_account(planted, chosen.since)
    assert sum(by_scope().values()) == whole


def test_the_ledger_holds_what_usage_was_booked_at(planted: Scope) -> None:
    """A commitment's bill moves no budget: ledger and bill differ by what the node costs beside its usage."""
    author, finance = (
        person(f"{right or 'author'}@planted.example", planted, persona, right)
        for persona, right in (("engineering", ""), ("finance", "approve_budget"))
    )
    budget = create_budget(scope=planted, amount=Decimal(5000), actor=author, at=AT)
    submit_budget(budget_id=budget.pk, actor=author, at=AT)
    approve_budget(budget_id=budget.pk, actor=finance, reason="Planned.", at=AT)
    facts = budget_facts(scope_ids=[planted.pk], unit=budget.unit, at=AT)[planted.pk]
    assert facts.used == charged(11)
    node, november = node_month(planted, 11), month(date(2026, 11, 1))
    cost = unit_economics(scope_id=planted.pk, since=november.since, until=november.until).cost
    assert cost - facts.used == node.idle_cost == NODE_BILL - node.booked_cost


NODE_TOLD = (
    "980.00 EUR of the 1,440.00 EUR for node is not used yet in 2026-11: 230.00 of 720.00 GPU hours (31.9 %), so that a"
    " useful GPU hour costs 6.26 EUR against 4.00 EUR on demand; it is cheaper than on demand from 360.00 GPU hours on"
    " (50.0 %). At the pace of its first 23 days it comes to 300.00 GPU hours: move work of 60.00 GPU hours onto it, or"
    " commit to less."
)


def test_the_command_tells_of_the_node_in_one_sentence() -> None:
    assert command("commitments", "--organisation=planted") == f"{NODE_TOLD}\n"
    assert command("commitments", "--organisation=planted", "--month=2026-10").startswith(
        "820.00 EUR of the 1,440.00 EUR for node was not used in 2026-10: 310.00 of 720.00 GPU hours (43.1 %), "
    )


def words_of(address: str) -> str:
    return " ".join(strip_tags(admin_page(address)).split())


def test_the_pages_of_commitments_tell_how_far_the_node_was_used(planted: Scope) -> None:
    """It is cheaper than on demand from 360 hours a month; on 23 days 230 were used."""
    shown = words_of("/admin/allocation/commitment/")
    assert NODE_TOLD in shown
    assert "node reserved GPU 1,440.00 EUR 31.9 % 980.00 EUR 360.00 GPU hours" in shown
    assert (node_month(planted, 11).unused_amount, node_month(planted, 11).utilisation) == (980, Decimal("0.319444"))


def test_its_own_page_tells_what_the_node_covered(planted: Scope) -> None:
    node = Commitment.objects.get(organisation=planted)
    shown = words_of(f"/admin/allocation/commitment/{node.pk}/change/")
    assert "230.00 of 720.00 GPU hours, 100.0 % of what it could cover" in shown
    assert NODE_TOLD in shown


def test_the_command_tells_what_a_useful_hour_of_the_node_costs() -> None:
    told = command("unit_economics", "--scope=planted", "--month=2026-11").splitlines()
    [hour] = [line.split() for line in told if line.startswith("Cost per useful GPU hour")]
    assert " ".join(hour) == "Cost per useful GPU hour 6.26 EUR 1,440.00 230.00"


def test_the_command_tells_how_the_platform_team_is_shared(planted: Scope) -> None:
    run_allocation(organisation=planted, month=Month(2026, 10), actor=SYSTEM, at=AT)
    told = command("allocation", "show", "--organisation=planted", "--month=2026-10").splitlines()
    assert told[1] == "platform-team v1 of planted/platform: 230.10 EUR, proportional (Tokens)"
    by_name = {line.split()[-1]: " ".join(line.split()[:-1]) for line in told[3:]}
    assert by_name["planted/platform"] == "230.10 0.00 0.00 0.00 230.10 0.00"
    assert by_name["planted/research"] == "589.00 31.00 0.00 0.00 0.00 620.00"
    assert by_name["total"] == "2,176.67 851.00 0.00 230.10 230.10 3,027.67"


def test_the_command_tells_which_month_is_closed() -> None:
    assert command("periods", "list") == "planted 2026-09 closed 2026-10-05 by weir\n"


def test_the_platform_team_is_shared_out_to_the_last_place(planted: Scope) -> None:
    october = Month(2026, 10)
    run_allocation(organisation=planted, month=october, actor=SYSTEM, at=AT)
    loaded = fully_loaded(planted.pk, october)
    platform = Scope.objects.get(path="planted/platform").pk
    assert (loaded[platform].total, loaded[platform].shared_out) == (0, loaded[platform].direct)
    assert sum(cost.shared_in for cost in loaded.values()) == loaded[platform].direct
    assert sum(cost.total for cost in loaded.values()) == sum(
        cost.direct + cost.committed + cost.external for cost in loaded.values()
    )
    assert sum(cost.committed for cost in loaded.values()) == node_month(planted, 10).idle_cost


def test_late_usage_is_a_correction_and_the_closed_month_keeps_its_cost() -> None:
    late = UsageCharge.objects.get(charge_class="Correction")
    assert (late.day, late.effective_cost, late.scope.path) == (LATE_AT.date(), 450, "planted/search")
