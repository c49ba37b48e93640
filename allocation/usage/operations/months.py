"""Charge lines of months that have ended are summed, so that comparing months does not read every day of them."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import partial

from django.db import connection
from django.db.models import Max, Min

from allocation.usage.models import (
    CALL_MONTH_TABLE,
    CHARGE_MONTH_TABLE,
    CHARGE_TABLE,
    DAY_TABLE,
    SUMMED_MONTH_TABLE,
    SummedMonth,
    UsageCharge,
)
from governance.calendar.engine import DAY, day_of, first_of_month, midnight, month_after
from governance.work.operations import each_apart, give_way, tell_faults

MONTHS_HEARTBEAT = "allocation.sum_months"
TRIES = 15
PAUSE_S = 2.0
_SUM = f"""
    INSERT INTO {CHARGE_MONTH_TABLE} (month, scope_id, provider, model, price_source, price_version, charge_class,
        meter, has_price, has_cost, quantity, effective_cost)
    SELECT %(month)s, scope_id, provider, model, price_source, price_version, charge_class, meter,
        contracted_unit_price IS NOT NULL, effective_cost <> 0, sum(quantity), sum(effective_cost)
    FROM {CHARGE_TABLE} WHERE day >= %(month)s AND day < %(until)s
    GROUP BY scope_id, provider, model, price_source, price_version, charge_class, meter, 9, 10
    ORDER BY scope_id, provider, model
"""  # noqa: S608  # our own names
_COUNT = f"""
    INSERT INTO {CALL_MONTH_TABLE} (month, scope_id, provider, model, requests, unpriced_requests)
    SELECT %(month)s, scope_id, provider, model, sum(requests - errors), sum(unpriced_requests)
    FROM {DAY_TABLE} WHERE bucket >= %(since)s AND bucket < %(before)s
    GROUP BY scope_id, provider, model ORDER BY scope_id
"""  # noqa: S608  # our own names


def sum_months(*, at: datetime) -> list[date]:
    """Sums the months that ended a day ago or earlier and are not summed; returns them. Lines wait meanwhile, a second
    or two a month. Where lines are being added all the time it gives way, which is told; the next night tries again.
    """
    done = each_apart(_due(at), partial(_sum_in_time, at=at), named=lambda month: f"{month:%Y-%m}")
    tell_faults(MONTHS_HEARTBEAT, done.faults, at=at, sentence="charges of a month could not be summed: %s")
    return done.results


def _due(at: datetime) -> Iterator[date]:
    known = UsageCharge.objects.aggregate(first=Min("day"), last=Max("day"))
    if known["first"] is None:
        return
    end = min(first_of_month(day_of(at - DAY)), month_after(known["last"]))
    summed = set(SummedMonth.objects.values_list("month", flat=True))
    month = first_of_month(known["first"])
    while month < end:
        if month not in summed:
            yield month
        month = month_after(month)


def _sum_in_time(month: date, at: datetime) -> date:
    give_way(partial(_sum, month, at), tries=TRIES, pause_s=PAUSE_S)
    return month


def _sum(month: date, at: datetime) -> None:
    """Keeps out lines that would be added meanwhile: who adds them later sees that the month is summed."""
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {CHARGE_TABLE} IN SHARE MODE")
        for table in (CHARGE_MONTH_TABLE, CALL_MONTH_TABLE):
            cursor.execute(f"DELETE FROM {table} WHERE month = %s", [month])  # noqa: S608  # our own names
        until = month_after(month)
        given = {"month": month, "until": until, "since": midnight(month), "before": midnight(until)}
        for statement in (_SUM, _COUNT):
            cursor.execute(statement, given)
    SummedMonth.objects.update_or_create(month=month, defaults={"summed_at": at})


def forget_months(days: Iterable[date]) -> None:
    """The months of the days are no longer summed. To be called after lines were added, in their transaction: what sums
    a month waits for it, or it for that.
    """
    months = sorted({first_of_month(day) for day in days})
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {SUMMED_MONTH_TABLE} WHERE month = ANY(%s::date[])", [months])  # noqa: S608  # as above
