from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum

from allocation.anomalies.queries import DETECTION_HEARTBEAT
from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.models import UsageDay, UsageRecord
from budgets.forecasts.models import Forecast
from budgets.ledger.queries import budget_facts
from budgets.plans.models import Budget
from config import demo
from config.demo.traffic import usage
from governance.scopes.models import Scope
from governance.work.models import Heartbeat
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.evaluation.operations import evaluate_next_dirty_scopes

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("demonstration")]

FIRST = datetime(2026, 11, 1, 0, 5, tzinfo=UTC)
MIDDLE = datetime(2026, 11, 24, 8, 18, tzinfo=UTC)
LAST = datetime(2026, 12, 31, 23, 50, tzinfo=UTC)
NEW_YEAR = datetime(2027, 1, 1, 0, 0, 30, tzinfo=UTC)


@pytest.fixture(scope="module", params=[FIRST, MIDDLE, LAST, NEW_YEAR], ids=str)
def seeded(request: pytest.FixtureRequest, kept_rows: None) -> Iterator[datetime]:
    moment: datetime = request.param
    with transaction.atomic():
        demo.seed(at=moment, months=1)
        yield moment
        transaction.set_rollback(True)


@pytest.fixture
def at(seeded: datetime, db: None) -> datetime:
    return seeded


def evaluations(at: datetime) -> Iterator[bool]:
    return iter(lambda: evaluate_next_dirty_scopes(at=at), False)


def ratio(path: str, at: datetime) -> Decimal | None:
    scope = Scope.objects.get(path=path)
    return budget_facts(scope_ids=[scope.pk], unit="money", at=at)[scope.pk].used_ratio


def test_one_team_is_over_and_one_is_near_whatever_the_day(at: datetime) -> None:
    assert ratio("demo/search", at) == Decimal("1.075000000")
    assert ratio("demo/support", at) == Decimal("0.830937500")


def test_others_have_room(at: datetime) -> None:
    others = [ratio(path, at) for path in ("demo", "demo/engineering", "demo/finops-assistant")]
    assert all(used is not None and used < Decimal("0.8") for used in others)


def test_fifty_dollars_release_the_team_that_is_held_back(at: datetime) -> None:
    search = Scope.objects.get(path="demo/search")
    facts = budget_facts(scope_ids=[search.pk], unit="money", at=at)[search.pk]
    organisation = Scope.objects.get(path="demo")
    above = budget_facts(scope_ids=[organisation.pk], unit="money", at=at)[organisation.pk]
    assert facts.used < facts.amount + 50
    assert above.available > 50


def test_the_guardrail_warns_one_and_blocks_the_other(at: datetime) -> None:
    list(evaluations(at))
    assert list(Alert.objects.order_by("scope__path").values_list("scope__path", "step", "status")) == [
        ("demo/search", "stop", "firing"), ("demo/support", "warn", "firing"),
    ]  # fmt: skip
    assert list(Constraint.objects.values_list("scope__path", flat=True)) == ["demo/search"]


def test_one_budget_waits_for_approval(at: datetime) -> None:
    del at
    assert list(Budget.objects.filter(status="submitted").values_list("name", flat=True)) == ["research-monthly"]
    assert set(Budget.objects.exclude(name="research-monthly").values_list("status", flat=True)) == {"approved"}


def test_what_nobody_accounts_for_is_there_to_be_seen(at: datetime) -> None:
    del at
    assert UsageRecord.objects.unpriced().values_list("model").distinct().get() == ("reranker",)
    lost = UsageDay.objects.filter(scope__is_unattributed=True).aggregate(cost=Sum("cost"))["cost"]
    assert lost > 0
    assert list(QuarantinedUsage.objects.values_list("code", flat=True)) == ["scope_unknown"] * 2


def test_anomalies_were_looked_for_when_it_begins_whatever_the_hour(at: datetime) -> None:
    assert Heartbeat.objects.get(name=DETECTION_HEARTBEAT).beat_at == at


def test_when_budgets_run_out_is_expected_from_the_first_minute(at: datetime) -> None:
    assert Forecast.objects.filter(scope__path="demo/search", unit="money", made_on=at.date()).exists()


def test_the_last_thirty_days_are_used(at: datetime) -> None:
    days = UsageDay.objects.values_list("bucket", flat=True).distinct()
    assert len(days) >= 29
    assert max(days) <= at


def test_the_same_instant_gives_the_same_usage() -> None:
    assert usage(MIDDLE) == usage(MIDDLE)
