"""Raw usage is partitioned by month (UTC), so that expired months are dropped as whole tables; see docs/adr/0009."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection

from allocation.meters.engine.months import Month
from allocation.usage.models import FINE_TABLES, RECORD_TABLE
from allocation.usage.operations.identities import forget_identities
from allocation.usage.operations.spans import forget_spans
from allocation.usage.operations.weeks import maintain_weeks, partitions_of
from governance.calendar.engine import day_of, first_of_month, midnight, month_after
from governance.work.engine.locks import PARTITION_LOCK
from governance.work.operations import each_apart, give_way, hold, tell_faults, waiting_at_most

TABLE = RECORD_TABLE
MONTHS_AHEAD = 2
PARTITIONS_HEARTBEAT = "allocation.maintain_partitions"
# Dropping needs the whole table for itself: while it waits for who reads, such as a backup, usage and decisions wait
# behind it. So it waits for a moment only, some times with a pause, and leaves it to the next hour.
DROP_PAUSE_S = 1.0
# Attaching a month waits for nobody but another that makes one, or a vacuum of the whole table.
CREATED_WITHIN_MS = 5_000
_NAME = re.compile(rf"{TABLE}_(\d{{4}})_(\d{{2}})")

# Months whose partition this process has seen. Dropped months are no longer accepted, so that none must be removed.
seen_months: set[Month] = set()


def ensure_partitions(months: Iterable[Month]) -> None:
    """Creates missing partitions, in a transaction of its own unless one is open. Attaching a finished table does not
    block readers and writers of other months, as CREATE TABLE … PARTITION OF would. The owner's function does it, since
    the application owns no table; a month that is not over, that function does not drop (migration 0040).
    """
    missing = sorted(set(months) - seen_months)
    if not missing:
        return
    with waiting_at_most(CREATED_WITHIN_MS):
        hold(PARTITION_LOCK)
        existing = existing_partitions()
        for month in missing:
            if month not in existing:
                _create(month)
    if not connection.in_atomic_block:
        seen_months.update(missing)


def existing_partitions() -> dict[Month, str]:
    """Names of the partitions by month."""
    return {
        Month(int(match[1]), int(match[2])): name for name in partitions_of(TABLE) if (match := _NAME.fullmatch(name))
    }


def _create(month: Month) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT weir_make_month(%s)", [month.start])


def maintain_partitions(*, at: datetime) -> list[str]:
    """Creates the coming partitions and drops expired ones: months of records, with their identities and spans, and
    weeks of roll-ups.
    Returns the names of those dropped. What fails, or gives way to somebody who reads a table for long, is told, stops
    nothing else, and is done by the next run.
    """
    this = first_of_month(day_of(at))
    coming = [Month.of(month_after(this, ahead)) for ahead in range(MONTHS_AHEAD + 1)]
    expired = midnight(first_of_month(day_of(_kept_from(at))))
    dropped: list[str] = []
    steps: dict[str, Callable[[], object]] = {
        "the coming months": lambda: ensure_partitions(coming),
        "the expired months": lambda: dropped.extend(drop_expired_partitions(at=at)),
        "the names of expired records": lambda: forget_identities(before=expired),
        "the spans of expired records": lambda: forget_spans(before=expired),
        **{f"the weeks of {table}": partial(_maintain_weeks, table, dropped, at) for table in FINE_TABLES},
    }
    done = each_apart(steps, lambda name: steps[name](), named=str)
    tell_faults(PARTITIONS_HEARTBEAT, done.faults, at=at, sentence="usage could not be maintained: %s")
    return dropped


def _maintain_weeks(table: str, dropped: list[str], at: datetime) -> None:
    dropped += maintain_weeks(table, at=at, pause_s=DROP_PAUSE_S)


def _kept_from(at: datetime) -> datetime:
    return at - timedelta(days=settings.USAGE_RETENTION_DAYS)


def drop_expired_partitions(*, at: datetime) -> list[str]:
    """Drops partitions whose whole month is older than USAGE_RETENTION_DAYS, each in a transaction of its own, and
    remembers their months: what comes again for them could not be told from what was counted. Returns their names.
    OperationalError when somebody else, such as a backup, kept reading: what was dropped before stays dropped.
    """
    expired = [month for month in sorted(existing_partitions()) if month.until <= _kept_from(at)]
    drops = (partial(_drop, month, at) for month in expired)
    return [name for drop in drops if (name := give_way(drop, pause_s=DROP_PAUSE_S)) is not None]


def _drop(month: Month, at: datetime) -> str | None:
    hold(PARTITION_LOCK)
    name = existing_partitions().get(month)
    if name is not None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT weir_drop_month(%s, %s)", [month.start, at])
    return name
