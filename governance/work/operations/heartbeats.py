"""Signs of life of the parts of the service."""

from __future__ import annotations

from datetime import datetime

from governance.work.models import Heartbeat


def beat(name: str, *, at: datetime, detail: str = "") -> None:
    """Records that the part `name` runs at `at`."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, beat_at=at, detail=detail[:500])],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["beat_at", "detail"],
    )
