"""What came in and cannot be counted, for those who see where it came from."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

from allocation.usage.models import UncountedTelemetry, UsageRecord
from governance.people.rules import Actor

SHOWN = 50


@dataclass(frozen=True, slots=True)
class UnmeasuredCalls:
    """Calls of a model that went well and of which nobody states what they used."""

    source: str
    provider: str
    model: str
    calls: int
    last_occurred_at: datetime


def uncounted_telemetry(*, actor: Actor, since: datetime) -> list[UncountedTelemetry]:
    """Telemetry of which nothing counted, last received since then, the newest first; at most SHOWN rows."""
    rows = UncountedTelemetry.objects.visible_to(actor).select_related("authority").filter(last_received_at__gte=since)
    return list(rows.order_by("-last_received_at", "-id")[:SHOWN])


def unmeasured_calls(*, actor: Actor, since: datetime) -> list[UnmeasuredCalls]:
    """Unmeasured calls since then, the most frequent first; at most SHOWN models."""
    groups = (
        UsageRecord.objects.visible_to(actor)
        .unmeasured()
        .filter(occurred_at__gte=since)
        .values_list("source", "provider", "model")
        .annotate(calls=Count("id"), last=Max("occurred_at"))
        .order_by("-calls", "source", "provider", "model")
    )
    return [UnmeasuredCalls(*group) for group in groups[:SHOWN]]
