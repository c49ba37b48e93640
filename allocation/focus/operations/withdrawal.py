"""Withdrawing a FOCUS import: what no other file in force states is taken back, as corrections beside the records."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from allocation.corrections.models import AdjustmentKind, AdjustmentRun
from allocation.corrections.operations import ImportWithdrawn, begin_run, finish_run
from allocation.focus.models import FocusImport, FocusRow
from allocation.focus.operations.rows import root_of
from allocation.focus.operations.statements import BATCH, check_records_kept, take_rows_back
from allocation.meters.engine.months import Month
from allocation.usage.queries import in_dropped_months
from governance.errors import NotFound, ReasonMissing
from governance.people.rules import Actor, check_may_change
from governance.scopes.models import Scope


def withdraw_focus_import(*, import_id: int, reason: str, actor: Actor, at: datetime) -> FocusImport:
    """The import's file states nothing any more; its charges, and the usage they were counted as, count no more unless
    another file states them. In batches, each in its own transaction: begun again it takes back the rest. The same file
    may be imported again, and counts then. Raises reason_missing, import_withdrawn, records_dropped and, for an unknown
    id, NotFound.
    """
    if not reason.strip():
        raise ReasonMissing("Say why the import is withdrawn; the reason goes on record.")
    corrections = _begin(import_id, reason.strip(), actor, at)
    withdrawn = FocusImport.objects.get(pk=import_id)
    for rows in _unstated(withdrawn):
        take_rows_back(corrections, rows, at=at)
    finish_run(corrections, at=at)
    return withdrawn


@transaction.atomic
def _begin(import_id: int, reason: str, actor: Actor, at: datetime) -> AdjustmentRun:
    run = FocusImport.objects.select_for_update(of=("self",)).filter(pk=import_id).first()
    if run is None:
        raise NotFound(f"There is no import {import_id}.")
    organisation = Scope.objects.get(pk=root_of(run))
    check_may_change(actor, "allocation.adjustmentrun", organisation.path)
    if run.withdrawn_at is not None and not _counting(run).exists():
        raise ImportWithdrawn(f"{run.file_name} was withdrawn on {run.withdrawn_at:%F}; none of it counts.")
    dropped = in_dropped_months("charge_period_start")
    if dropped is not None:
        check_records_kept(run, run.rows.charges().filter(dropped))
    run.withdrawn_at, run.withdrawn_by, run.withdrawal_reason = at, actor.label[:300], reason[:500]
    run.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawal_reason"])
    run.rows.filter(released_at=None).update(released_at=at)
    starts = run.rows.exclude(billing_period_start=None).order_by("billing_period_start")
    months = [Month.of((each.billing_period_start or at).date()) for each in (starts.first(), starts.last()) if each]
    return begin_run(
        kind=AdjustmentKind.TAKE_BACK,
        organisation=organisation,
        since=months[0].since if months else at,
        until=months[-1].until if months else at,
        reason=f"{run.file_name} is withdrawn (FOCUS import {run.pk}): {reason}"[:500],
        actor=actor,
        at=at,
    )


def _counting(run: FocusImport) -> QuerySet[FocusRow]:
    """The rows that count, that the import told of, and that no file in force states."""
    alike = FocusRow.objects.filter(
        organisation=OuterRef("organisation"), digest=OuterRef("digest"), occurrence=OuterRef("occurrence")
    )
    return FocusRow.objects.charges().filter(
        Exists(alike.filter(source=run)), ~Exists(alike.stated()), organisation_id=root_of(run)
    )


def _unstated(run: FocusImport) -> Iterator[Sequence[FocusRow]]:
    while rows := list(_counting(run).defer("cells", "notes").order_by("pk")[:BATCH]):
        yield rows
