"""Daily use, as roll-ups hold it, and what detection puts on record of it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from allocation.anomalies import queries
from allocation.anomalies.models import Anomaly, Feedback
from allocation.anomalies.operations import give_feedback
from allocation.usage.models import IngestWatermark, UsageDay
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM

TODAY = date(2026, 11, 24)
AT = datetime(2026, 11, 24, 0, 40, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = (100, 110, 105, 120, 95, 30, 20)


def used(
    scope: Scope,
    changes: Mapping[int, float] | None = None,
    *,
    model: str = "gpt-4o",
    days: int = 80,
    factor: int = 1,
    tokens_per: int = 1000,
    until: date = TODAY,
) -> None:
    """Daily use up to before `until`, of a weekly season; `changes` by days before `until`."""
    changes = changes or {}
    rows = []
    for back in range(days, 0, -1):
        day = until - DAY * back
        usual = WEEK[day.weekday()] * (100 + back * 37 % 11) * factor / 100
        cost = Decimal(str(changes.get(back, usual)))
        rows.append(day_of(scope, day, cost, tokens=int(cost * tokens_per), model=model))
    UsageDay.objects.bulk_create(row for row in rows if row.input_tokens or row.cost)


def day_of(scope: Scope, day: date, cost: Decimal, *, tokens: int, model: str = "gpt-4o") -> UsageDay:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return UsageDay(
        scope=scope, bucket=at, provider="openai", model=model, activity="inference", requests=1, errors=0,
        unpriced_requests=0, input_tokens=tokens, cached_input_tokens=0, cache_write_tokens=0, output_tokens=0,
        reasoning_tokens=0, gpu_seconds=0, cost=cost, last_occurred_at=at, last_received_at=at,
    )  # fmt: skip


def delivered(root: Scope, at: datetime = AT) -> None:
    IngestWatermark.objects.update_or_create(scope=root, defaults={"last_received_at": at})


def recorded() -> list[tuple[str, str, str, str, str, int, str]]:
    return [
        (anomaly.scope.slug, anomaly.model, anomaly.metric, f"{anomaly.first_day:%m-%d}",
         f"{anomaly.last_day:%m-%d}", anomaly.days_count, anomaly.status)
        for anomaly in Anomaly.objects.select_related("scope").order_by("first_day", "scope", "model", "metric")
    ]  # fmt: skip


def judged(anomaly: Anomaly, feedback: str, reason: str = "A load test.") -> Anomaly:
    return give_feedback(anomaly_id=anomaly.pk, feedback=Feedback(feedback), reason=reason, actor=SYSTEM, at=AT)


def kpis(since: date = TODAY - DAY * 30) -> Any:
    [row] = queries.anomaly_kpis(actor=SYSTEM, scope_id=None, since=since, until=TODAY)
    return row
