"""Raw usage lies in one table per month (UTC), so that old months leave as whole tables; in plain SQL, see docs/adr."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from allocation.meters.engine.months import Month
from allocation.usage.models import RECORD_TABLE
from governance.calendar.engine import day_of, first_of_month, month_after

TABLE = RECORD_TABLE
MONTHS_AHEAD = 2
# Any fixed number: whoever makes or drops a partition holds this advisory lock.
PARTITION_LOCK = 8_201_127
_NAME = re.compile(rf"{TABLE}_(\d{{4}})_(\d{{2}})")

# Months this process has seen to exist. Dropped months are not accepted any more, so nothing needs forgetting.
_known: set[Month] = set()


def ensure_partitions(months: Iterable[Month]) -> None:
    """Make what is missing, in a transaction of its own unless one is open. Attaching a ready table lets readers and
    writers of other months go on, which CREATE TABLE … PARTITION OF would not.
    """
    missing = sorted(set(months) - _known)
    if not missing:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PARTITION_LOCK])
        there = existing_partitions()
        for month in missing:
            if month not in there:
                _create(month)
    if not connection.in_atomic_block:
        _known.update(missing)


def existing_partitions() -> dict[Month, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname FROM pg_inherits"
            " JOIN pg_class AS child ON child.oid = inhrelid WHERE inhparent = %s::regclass",
            [TABLE],
        )
        names = [row[0] for row in cursor.fetchall()]
    return {Month(int(found[1]), int(found[2])): name for name in names if (found := _NAME.fullmatch(name))}


def _create(month: Month) -> None:
    name = f"{TABLE}_{month.year:04}_{month.number:02}"
    bounds = {"start": sql.Literal(month.since), "end": sql.Literal(month.until)}
    statements = (
        "CREATE TABLE {part} (LIKE {whole} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)",
        "ALTER TABLE {whole} ATTACH PARTITION {part} FOR VALUES FROM ({start}) TO ({end})",
    )
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(sql.SQL(statement).format(part=sql.Identifier(name), whole=sql.Identifier(TABLE), **bounds))


def maintain_partitions(*, at: datetime) -> list[str]:
    """Make the months ahead and drop the months that lie wholly before the retention; the names dropped."""
    this = first_of_month(day_of(at))
    ensure_partitions(Month.of(month_after(this, ahead)) for ahead in range(MONTHS_AHEAD + 1))
    return drop_expired_partitions(at=at)


@transaction.atomic
def drop_expired_partitions(*, at: datetime) -> list[str]:
    keep_from = at - timedelta(days=settings.USAGE_RETENTION_DAYS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PARTITION_LOCK])
        expired = [name for month, name in sorted(existing_partitions().items()) if month.until <= keep_from]
        for name in expired:
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    return expired
