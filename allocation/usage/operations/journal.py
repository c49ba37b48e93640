"""Batches that are recorded and charged to the ledger, and not yet in all sums: left to a fold, and since when."""

import time
from datetime import UTC, datetime, timedelta

from django.db.models import Max, Min, Sum

from allocation.usage.engine.counted import Counted, to_bytes
from allocation.usage.models import JOURNAL_TABLE, UsageJournal
from governance.statements.operations import Asked, Message
from governance.work.models import Heartbeat

FOLD_CHANNEL = "weir_usage"
FOLD_HEARTBEAT = "fold"
"""What the program `fold` shows every two seconds; without it a worker folds after `GONE_AFTER`."""
GONE_AFTER = timedelta(seconds=10)
# A batch of so many records is told how far roll-ups are behind; for less the question would cost more than it saves.
MANY = 100
_APPEND = (
    f"WITH written AS (INSERT INTO {JOURNAL_TABLE} (received_at, calls, counted, error)"  # noqa: S608  # our own names
    f" VALUES (%s::timestamptz, %s::integer, %s::bytea, '')) SELECT pg_notify('{FOLD_CHANNEL}', '')"
)
_APPEND_AND_LOOK = (
    f"{_APPEND}, (SELECT received_at FROM {JOURNAL_TABLE}"  # noqa: S608  # as above
    " WHERE rolled_up_at IS NULL AND failed_at IS NULL ORDER BY id LIMIT 1)"
)
# Tasks and charge lines gain so many records at once, or what has waited so long, or what there is once no more comes.
CHARGED_MAX = 40_000
CHARGED_AFTER = timedelta(seconds=10)
QUIET_AFTER = timedelta(seconds=1)


class Leaving:
    """Leaves a batch to the next fold, inside the transaction that records and charges its records."""

    def __init__(self, batch: Counted) -> None:
        self._batch = batch
        self._is_large = len(batch.calls) >= MANY
        self._asked: Asked | None = None

    def ask(self, message: Message) -> None:
        """Leaves it by this message."""
        received_at = datetime.fromtimestamp(self._batch.received_s, UTC)
        self._asked = message.ask(
            _APPEND_AND_LOOK if self._is_large else _APPEND,
            [received_at, len(self._batch.calls), to_bytes(self._batch)],
        )

    def see(self) -> None:
        """Once the message is answered: notes how far behind roll-ups are, where the batch is large."""
        if self._asked is not None and self._is_large:
            ((_, oldest),) = self._asked.rows()
            _behind.see(oldest)


class _Behind:
    """What the last large batch of this process saw."""

    def __init__(self) -> None:
        self._seen: tuple[datetime | None, float] = (None, 0.0)

    def see(self, oldest: datetime | None) -> None:
        self._seen = (oldest, time.monotonic())

    def seconds(self) -> float:
        """0 when nothing was seen in the last second."""
        oldest, seen_s = self._seen
        return time.time() - oldest.timestamp() if oldest and time.monotonic() - seen_s < 1 else 0.0


_behind = _Behind()


def behind_s() -> float:
    """How old the oldest usage is that roll-ups lack, as the last batch of MANY records saw it by the statement that it
    left its own with.
    """
    return _behind.seconds()


def is_followed(*, at: datetime) -> bool:
    """Whether a program folds what waits: two folds at once mostly wait for each other's rows."""
    return Heartbeat.objects.filter(name=FOLD_HEARTBEAT, beat_at__gt=at - GONE_AFTER).exists()


def charges_are_due(*, at: datetime) -> bool | None:
    """Whether tasks and charge lines are to gain what roll-ups hold; None when nothing waits for that. The more they
    gain at once, the fewer rows are written for a record.
    """
    waiting = UsageJournal.objects.to_charge().aggregate(
        calls=Sum("calls"), first=Min("received_at"), last=Max("rolled_up_at")
    )
    if waiting["calls"] is None:
        return None
    return bool(
        waiting["calls"] >= CHARGED_MAX or at - waiting["first"] >= CHARGED_AFTER or at - waiting["last"] >= QUIET_AFTER
    )


def try_again() -> int:
    """Lets what was set aside wait for a fold again; returns how many batches. For when the cause is mended."""
    return UsageJournal.objects.set_aside().update(failed_at=None, error="")
