"""From where charges and calls of two periods are read: of whole months from their sums where there are any, else from
their days.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from allocation.usage.models import CALL_MONTH_TABLE, CHARGE_MONTH_TABLE, CHARGE_TABLE, DAY_TABLE
from allocation.variance.engine.periods import ComparedPeriods
from governance.calendar.engine import midnight, month_after

OF_MONTHS = "month = ANY(%(months)s::date[]) AND scope_id = ANY(%(scopes)s::bigint[])"


@dataclass(frozen=True, slots=True)
class Summed:
    """Whole months of two periods that are read from their sums, and the ranges of days that are left."""

    months: Sequence[date]
    ranges: Sequence[tuple[date, date]]

    @classmethod
    def of(cls, periods: ComparedPeriods, summed_months: Collection[date]) -> "Summed":
        months = [month for month in sorted(summed_months) if _is_whole(month, periods)]
        return cls(months, list(_between(periods, months)))

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the queries that `charges` and `calls` return."""
        given: dict[str, Any] = {"months": list(self.months)}
        for number, (since, until) in enumerate(self.ranges):
            given |= {f"from_{number}": since, f"to_{number}": until}
            given |= {f"from_{number}_instant": midnight(since), f"to_{number}_instant": midnight(until)}
        return given

    def charges(self, in_either: str) -> str:
        """A query of charge lines; those of a whole month are of its first day. `in_either` are the conditions that all
        days meet.
        """
        columns = "scope_id, provider, model, price_source, price_version, charge_class, meter"
        by_day = f"""SELECT day, {columns}, contracted_unit_price IS NOT NULL AS has_price,
            effective_cost <> 0 AS has_cost, quantity, effective_cost FROM {CHARGE_TABLE}"""  # noqa: S608  # our own names
        by_month = f"""SELECT month AS day, {columns}, has_price, has_cost, quantity, effective_cost
            FROM {CHARGE_MONTH_TABLE} WHERE {OF_MONTHS}"""  # noqa: S608  # our own names
        return self._query(by_day, by_month, in_either, "day", "")

    def calls(self, in_either: str) -> str:
        """As `charges`, of calls that did not fail."""
        by_day = f"""SELECT bucket, scope_id, provider, model, requests - errors AS requests, unpriced_requests
            FROM {DAY_TABLE}"""  # noqa: S608  # our own name
        by_month = f"""SELECT month::timestamp AT TIME ZONE 'UTC' AS bucket, scope_id, provider, model,
            requests, unpriced_requests FROM {CALL_MONTH_TABLE} WHERE {OF_MONTHS}"""  # noqa: S608  # our own name
        return self._query(by_day, by_month, in_either, "bucket", "_instant")

    def _query(self, by_day: str, by_month: str, in_either: str, column: str, suffix: str) -> str:
        if not self.months:
            return f"{by_day} WHERE {in_either}"
        of_days = (
            f"{by_day} WHERE {in_either}"
            f" AND {column} >= %(from_{number}{suffix})s AND {column} < %(to_{number}{suffix})s"
            for number in range(len(self.ranges))
        )
        return " UNION ALL ".join((*of_days, by_month))


def _is_whole(month: date, periods: ComparedPeriods) -> bool:
    """Whether the month lies in a period, and with all of its days in each that it touches."""
    end = month_after(month)
    touched = [part for part in (periods.before, periods.after) if part.since < end and month < part.until]
    return bool(touched) and all(part.since <= month and end <= part.until for part in touched)


def _between(periods: ComparedPeriods, months: Collection[date]) -> Iterator[tuple[date, date]]:
    """Ranges of days from the first of both periods to the last, without the months."""
    start = min(periods.before.since, periods.after.since)
    last = max(periods.before.until, periods.after.until)
    for month in months:
        if start < month:
            yield start, month
        start = month_after(month)
    if start < last:
        yield start, last
