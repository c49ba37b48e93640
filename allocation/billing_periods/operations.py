"""Closing a month: its figures no longer change, and what arrives for it later counts on the day it arrives."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from allocation.billing_periods.models import BillingPeriod
from allocation.billing_periods.queries import closed_until
from governance.calendar.engine import first_of_month, midnight, month_after
from governance.errors import DomainError, Invalid
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.scopes.models import Scope
from governance.statements.operations import Message, one_message
from governance.work.engine.locks import PERIOD_LOCK
from governance.work.operations import hold

BOOKS = (
    'SELECT currency, (SELECT max("end") FROM allocation_billingperiod WHERE organisation_id = scope.id)'
    " FROM governance_scope AS scope WHERE id = %s::bigint"
)


class PeriodNotOver(Invalid):
    """The month has not ended in UTC."""

    code = "period_not_over"


class PeriodClosed(DomainError):
    """The month is closed already, or a later one is."""

    code = "period_closed"


@dataclass(frozen=True, slots=True)
class HeldBooks:
    """An organisation's books: closed up to an instant that is not included, None while no month is."""

    closed_until: datetime | None
    currency: str


def month_named(text: str) -> date:
    """The first day of a month written as `2026-10`. Raises month_invalid."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Invalid(f"{text!r} is no month; write 2026-10.", code="month_invalid") from None


@transaction.atomic
def close_period(*, organisation: Scope, month: date, reason: str, actor: Actor, at: datetime) -> BillingPeriod:
    """Close the month that contains the day `month`, and all months before it, for good. Raises not_an_organisation,
    period_not_over and period_closed.
    """
    check_may_change(actor, "allocation.billingperiod", organisation.path)
    if organisation.parent_id is not None:
        raise Invalid("Periods are closed for a whole organisation.", code="not_an_organisation")
    start, end = first_of_month(month), month_after(month)
    if at < midnight(end):
        raise PeriodNotOver(f"{start:%Y-%m} is not over; it can be closed from {end} on (UTC).")
    hold(PERIOD_LOCK)
    closed = closed_until([organisation.pk]).get(organisation.pk)
    if closed is not None and closed.date() >= end:
        raise PeriodClosed(f"{start:%Y-%m} is closed: the books are closed until {closed.date()}.")
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
    """`closed_until`, under a shared lock: no period is closed before the transaction ends."""
    return {root_id: books.closed_until for root_id, books in hold_books(root_ids).items() if books.closed_until}


def hold_books(root_ids: Iterable[int]) -> dict[int, HeldBooks]:
    """By organisation id how its books stand. Under a shared lock: no period is closed and no currency changed before
    the transaction ends.
    """
    with one_message() as message:
        books = ask_to_hold_books(message, root_ids)
    return books()


def ask_to_hold_books(message: Message, root_ids: Iterable[int]) -> Callable[[], dict[int, HeldBooks]]:
    """As `hold_books`, by a message that asks other things too: what is returned tells when it is answered."""
    hold(PERIOD_LOCK, shared=True, message=message)
    # A statement for each, of which there is mostly one: it is planned once.
    asked = {root_id: message.ask(BOOKS, [root_id]) for root_id in root_ids}

    def books() -> dict[int, HeldBooks]:
        rows = {root_id: statement.rows() for root_id, statement in asked.items()}
        return {
            root_id: HeldBooks(None if end is None else midnight(end), currency)
            for root_id, found in rows.items()
            for currency, end in found
        }

    return books
