"""Closing a month: its figures stand, and what comes later for it counts when it comes."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from django.db import connection, transaction

from allocation.billing_periods.models import BillingPeriod
from allocation.billing_periods.queries import closed_until
from governance.errors import DomainError, Invalid
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.scopes.models import Scope

# Any fixed number: usage is written under it shared, a period is closed under it alone.
PERIOD_LOCK = 8_201_128


class PeriodNotOver(Invalid):
    code = "period_not_over"


class PeriodClosed(DomainError):
    code = "period_closed"


def month_named(text: str) -> date:
    """The first day of `2026-10`."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Invalid(f"{text!r} is no month; write 2026-10.", code="month_invalid") from None


@transaction.atomic
def close_period(*, organisation: Scope, month: date, reason: str, actor: Actor, at: datetime) -> BillingPeriod:
    """`month` is any day of it. The months before it are closed with it. Nothing opens it again."""
    check_may_change(actor, "allocation.billingperiod", organisation.path)
    if organisation.parent_id is not None:
        raise Invalid("Periods are closed for a whole organisation.", code="not_an_organisation")
    start = month.replace(day=1)
    end = (start.replace(year=start.year + 1, month=1)) if start.month == 12 else start.replace(month=start.month + 1)  # noqa: PLR2004  # December
    if at < datetime.combine(end, time(), UTC):
        raise PeriodNotOver(f"{start:%Y-%m} is not over; it can be closed from {end} on (UTC).")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PERIOD_LOCK])
    known = closed_until([organisation.pk]).get(organisation.pk)
    if known is not None and known.date() >= end:
        raise PeriodClosed(f"{start:%Y-%m} is closed: the books are closed until {known.date()}.")
    period = BillingPeriod.objects.create(
        organisation=organisation, start=start, end=end, closed_at=at, closed_by=actor.label, reason=reason
    )
    record_decision(
        actor=actor,
        action="billing_period.close",
        scope=organisation,
        subject=f"billing_period:{start:%Y-%m}",
        reason=reason,
        evidence={"start": start.isoformat(), "end": end.isoformat()},
        at=at,
    )
    return period


def hold_periods(root_ids: Iterable[int]) -> dict[int, datetime]:
    """Up to when each organisation's books are closed; none is closed further before the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [PERIOD_LOCK])
    return closed_until(root_ids)
