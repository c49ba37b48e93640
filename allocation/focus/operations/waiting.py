"""Charges that could not be counted as usage when they came, counted once the reason is gone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import F, QuerySet

from allocation.focus.engine.reading import Charge, Reader
from allocation.focus.engine.usage import UncountedCharge
from allocation.focus.models import FocusImport, FocusRow, FocusRowStatus
from allocation.focus.operations.rows import count_usage, counted_event, event_id, root_of
from allocation.meters.documents import UsageEvent
from allocation.usage.engine.call_prices import FOCUS
from allocation.usage.engine.costing import identity
from allocation.usage.operations import pricing_context_for, with_retries
from governance.people.rules import Actor
from governance.scopes.queries import scope_tree

BATCH = 500


@dataclass(frozen=True, slots=True)
class WaitingCharges:
    """How many charges became usage, or would, and how many still wait, by code."""

    counted: int
    remaining: dict[str, int]


def count_waiting_charges(
    *, actor: Actor, at: datetime, code: str | None = None, import_id: int | None = None, dry_run: bool = False
) -> WaitingCharges:
    """Counts the charges that `actor` may correct and that can be counted now, such as those whose exchange rate has
    come; if given, only those kept with `code`, or of one import. Each counts once, whoever else asks.
    """
    counted, remaining = 0, dict[str, int]()
    for run in FocusImport.objects.filter(withdrawn_at=None).select_related("scope").order_by("pk"):
        is_asked = import_id is None or run.pk == import_id
        if is_asked and actor.may_change("allocation.quarantinedusage", run.scope.path):
            for ids in _batches(_waiting(run, code)):
                done = with_retries(partial(_count, run, ids, at, dry_run=dry_run))
                counted += done.counted
                for reason, number in done.remaining.items():
                    remaining[reason] = remaining.get(reason, 0) + number
    return WaitingCharges(counted, remaining)


def _waiting(run: FocusImport, code: str | None) -> QuerySet[FocusRow]:
    rows = FocusRow.objects.charges().filter(source=run, usage_record_id=None).exclude(code="")
    return rows if code is None else rows.filter(code=code)


def _batches(rows: QuerySet[FocusRow]) -> Iterator[Sequence[int]]:
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


@transaction.atomic
def _count(run: FocusImport, ids: Sequence[int], at: datetime, *, dry_run: bool) -> WaitingCharges:
    rows = list(_waiting(run, None).filter(pk__in=ids).order_by("pk").select_for_update(of=("self",)))
    reader = Reader(run.columns, currency=scope_tree().by_id[run.scope_id].currency)
    context = pricing_context_for(key_scope_id=run.scope_id, at=at)
    events: dict[int, UsageEvent] = {}
    remaining: dict[str, int] = {}
    for row in rows:
        charge = reader.read(row.cells)
        path = charge.cells.text("x_ScopePath") if isinstance(charge, Charge) else None
        event = (
            counted_event(context, charge, _event_id(row), path if path in context.open_scopes else None)
            if isinstance(charge, Charge)
            else None
        )
        if isinstance(event, UsageEvent):
            events[row.pk] = event
        else:
            reason = event.code if isinstance(event, UncountedCharge) else row.code
            remaining[reason] = remaining.get(reason, 0) + 1
    if not dry_run:
        count_usage(run, list(events.values()), at)
        for row_id, event in events.items():
            record_id = identity(root_of(run), FOCUS, event.id)
            FocusRow.objects.filter(pk=row_id).update(usage_record_id=record_id, code="", field="", message="")
        FocusImport.objects.filter(pk=run.pk).update(used=F("used") + len(events))
    return WaitingCharges(len(events), remaining)


def _event_id(row: FocusRow) -> str:
    """As its import would have made it."""
    earlier = FocusRow.objects.filter(
        organisation_id=row.organisation_id, digest=row.digest, occurrence=row.occurrence,
        status=FocusRowStatus.CHARGE, taken_back_at__isnull=False,
    )  # fmt: skip
    return event_id(row.digest, row.occurrence, earlier.count())
