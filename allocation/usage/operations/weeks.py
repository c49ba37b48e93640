"""Roll-ups by minute and hour are partitioned by week, so that what no window reaches is dropped as whole tables. What
lies in no week that was made is kept in a partition of its own, `…_rest`: writing never fails for want of one.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial

from django.db import connection
from psycopg import sql

from allocation.usage.queries import fine_from
from governance.calendar.engine import DAY, day_of, midnight
from governance.work.engine.locks import PARTITION_LOCK
from governance.work.operations import give_way, hold

WEEK = timedelta(days=7)
PAUSE_S = 1.0
WEEKS_AHEAD = 3
# Windows are rounded outwards to whole days, and evaluated a moment after their instant.
SPARE = 2 * DAY
_NAME = re.compile(r".*_(\d{4})_(\d{2})_(\d{2})")


def maintain_weeks(table: str, *, at: datetime, pause_s: float = PAUSE_S) -> list[str]:
    """Makes the weeks from the oldest that is kept to the third to come, and drops those that no window reaches any
    more. Returns the names of the tables dropped. OperationalError when somebody else, such as a backup, kept reading:
    what was done before stays.
    """
    for monday in _missing(table, at):
        give_way(partial(_make, table, monday), pause_s=pause_s)
    dropped = _expired(table, at)
    for name in dropped:
        give_way(partial(_drop, name), pause_s=pause_s)
    give_way(partial(_forget_rest, table, _kept_from(at)), pause_s=pause_s)
    return dropped


def partitions_of(table: str) -> list[str]:
    """Their names, in no order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname FROM pg_inherits"
            " JOIN pg_class AS child ON child.oid = inhrelid WHERE inhparent = %s::regclass",
            [table],
        )
        return [row[0] for row in cursor.fetchall()]


def _expired(table: str, at: datetime) -> list[str]:
    """Partitions that end before what any window reaches, the earliest first."""
    return [name for end, name in sorted(_ends(table).items()) if midnight(end) <= _kept_from(at)]


def _kept_from(at: datetime) -> datetime:
    return fine_from(at) - SPARE


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _ends(table: str) -> dict[date, str]:
    """Names of the partitions by the day before which they end: of one week each, or of all before the weeks."""
    return {
        date(*map(int, match.groups())) + (timedelta(0) if "_before_" in name else WEEK): name
        for name in partitions_of(table)
        if (match := _NAME.fullmatch(name))
    }


def _missing(table: str, at: datetime) -> Iterator[date]:
    """Mondays of the weeks that are wanted and not there."""
    ends = _ends(table)
    covered = max((end for end, name in ends.items() if "_before_" in name), default=date.min)
    monday = _monday(day_of(_kept_from(at)))
    while monday <= _monday(day_of(at)) + WEEKS_AHEAD * WEEK:
        if monday >= covered and monday + WEEK not in ends:
            yield monday
        monday += WEEK


def _make(table: str, monday: date) -> None:
    """Attaches the week, with what was kept for want of it. The lock on the whole keeps out who adds meanwhile: a row
    that was on its way to the rest would be refused there once the week is attached.
    """
    hold(PARTITION_LOCK)
    if monday + WEEK in _ends(table):
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT weir_make_week(%s, %s)", [table, monday])


def _drop(name: str) -> None:
    hold(PARTITION_LOCK)
    with connection.cursor() as cursor:
        cursor.execute("SELECT weir_drop_week(%s)", [name])


def _forget_rest(table: str, before: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DELETE FROM {} WHERE bucket < %s").format(sql.Identifier(f"{table}_rest")), [before])
