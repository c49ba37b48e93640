"""What is recorded and charged, and not yet in the sums that pages, guardrails and exports read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, Sum

from allocation.usage.models import UsageJournal


@dataclass(frozen=True, slots=True)
class Waiting:
    """Roll-ups hold all usage received before `since`, charge lines and tasks all before `charged_since`; None: all.
    `calls` wait for roll-ups; `set_aside` could not be folded, wait for a person, and are missing in sums.
    """

    since: datetime | None
    charged_since: datetime | None
    calls: int
    set_aside: int

    def fresh_to(self, at: datetime) -> datetime:
        """Up to which instant of arrival roll-ups are complete, but for what is set aside."""
        return at if self.since is None else min(self.since, at)


def waiting_for_fold() -> Waiting:
    """Of the whole installation."""
    is_waiting = Q(failed_at__isnull=True)
    is_new = is_waiting & Q(rolled_up_at__isnull=True)
    found: dict[str, Any] = UsageJournal.objects.aggregate(
        since=Min("received_at", filter=is_new),
        charged_since=Min("received_at", filter=is_waiting),
        waiting=Sum("calls", filter=is_new, default=0),
        failed=Sum("calls", filter=~is_waiting, default=0),
        unreadable=Count("pk", filter=~is_waiting & Q(calls=0)),
    )
    return Waiting(found["since"], found["charged_since"], found["waiting"], found["failed"] + found["unreadable"])
