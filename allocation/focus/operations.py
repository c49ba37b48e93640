"""FOCUS rows in: kept as they stood, counted as usage where they are, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from django.db import transaction
from pydantic import ValidationError

from allocation.attribution.engine import EXPLICIT, UNATTRIBUTED
from allocation.focus.engine.reading import Charge, Reader, RowFault
from allocation.focus.engine.usage import NoUsage, call_of, usage_of
from allocation.focus.models import FocusFormat, FocusImport, FocusRow, FocusRowStatus
from allocation.meters.documents import EVENT, Fault, UsageEvent, fault_of
from allocation.usage.engine.costing import FOCUS, PricingContext, identity
from allocation.usage.models import ImportStatus
from allocation.usage.operations import pricing_context_for, record_usage
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

COST_PLACES = Decimal("1e-15")
COSTS = Context(prec=38, rounding=ROUND_HALF_EVEN)
NUL = "\0"


@dataclass(frozen=True, slots=True)
class IncomingRow:
    """`number` counts from 1, `occurrence` the equal rows of the file so far."""

    number: int
    cells: Sequence[str | None]
    digest: str
    occurrence: int

    @property
    def event_id(self) -> str:
        return f"{self.digest[:40]}-{self.occurrence}"


@dataclass(frozen=True, slots=True)
class _Read:
    row: IncomingRow
    found: Charge | RowFault
    scope_id: int
    attribution: str = ""
    event: UsageEvent | None = None
    refusal: NoUsage | None = None


@transaction.atomic
def start_focus_import(
    *,
    scope: Scope,
    file_name: str,
    file_digest: str,
    size_bytes: int,
    file_format: FocusFormat,
    version: str,
    columns: Sequence[str],
    column_types: Sequence[str],
    by: str,
    at: datetime,
) -> FocusImport:
    """The import of this file, begun or finished already, or a new one."""
    known = FocusImport.objects.select_for_update().filter(scope=scope, file_digest=file_digest).first()
    if known is None:
        return FocusImport.objects.create(
            scope=scope, file_digest=file_digest, file_name=file_name[-255:], size_bytes=size_bytes,
            file_format=file_format, version=version, columns=list(columns), column_types=list(column_types),
            status=ImportStatus.RUNNING, started_at=at, started_by=by,
        )  # fmt: skip
    if known.status != ImportStatus.FINISHED:
        known.status, known.error = ImportStatus.RUNNING, ""
        known.save(update_fields=["status", "error"])
    return known


def record_focus_rows(*, import_id: int, reader: Reader, rows: Sequence[IncomingRow], at: datetime) -> None:
    """One batch. Usage first, in its own transaction and known by its identity; then the rows with what became of
    them, and how far the import has come: a crash in between counts nothing twice.
    """
    run = FocusImport.objects.select_related("scope").get(pk=import_id)
    context = pricing_context_for(key_scope_id=run.scope_id, at=at)
    read = [_read(run, context, reader, row) for row in rows]
    _count_usage(run, read, at)
    _keep(run, read, rows)


def finish_focus_import(*, import_id: int, at: datetime) -> FocusImport:
    FocusImport.objects.filter(pk=import_id).update(status=ImportStatus.FINISHED, finished_at=at)
    return FocusImport.objects.get(pk=import_id)


def fail_focus_import(*, import_id: int, error: str) -> None:
    FocusImport.objects.filter(pk=import_id).update(status=ImportStatus.FAILED, error=error[:500])


def _read(run: FocusImport, context: PricingContext, reader: Reader, row: IncomingRow) -> _Read:
    found = reader.read(row.cells)
    if any(cell is not None and not _storable(cell) for cell in row.cells):
        found = RowFault("invalid_text", "", "A cell holds NUL or half a character; write the file as UTF-8.")
    if isinstance(found, RowFault):
        return _Read(row, found, run.scope_id)
    place = _place(context, found)
    if isinstance(place, RowFault):
        return _Read(row, place, run.scope_id)
    scope_id, attribution, path = place
    document = usage_of(found, event_id=row.event_id, source=FOCUS)
    if document is None or isinstance(document, NoUsage):
        return _Read(row, found, scope_id, attribution, refusal=document)
    if path is not None:
        document["scope"] = path
    try:
        event = EVENT.validate_python(document, strict=False)
    except ValidationError as problem:
        fault = fault_of(problem)
        return _Read(row, found, scope_id, attribution, refusal=NoUsage(fault.code, fault.field, fault.message))
    # What cannot be counted is told by its own row; quarantined usage would be a second place to mend it.
    costed = context.cost(event)
    if isinstance(costed, Fault):
        return _Read(row, found, scope_id, attribution, refusal=NoUsage(costed.code, costed.field, costed.message))
    return _Read(row, found, scope_id, attribution, event)


def _place(context: PricingContext, charge: Charge) -> tuple[int, str, str | None] | RowFault:
    """(scope, how it was found, the path to name). x_ScopePath is one of ours coming home; then the rules decide."""
    path = charge.cells.text("x_ScopePath")
    if path is not None and path in context.open_scopes:
        return context.open_scopes[path][0], EXPLICIT, path
    home = context.home
    if home is None:
        raise AssertionError("unreachable: an import has a scope")
    rule = home.matcher.first_match(call_of(charge, source=FOCUS), charge.start.date())
    if rule is None:
        return home.unattributed_id, UNATTRIBUTED, None
    if rule.scope_id not in context.open_scope_ids:
        return RowFault(
            "scope_forbidden",
            "Tags",
            f"The rule {rule.name} leads to a scope outside the one this import may write to.",
        )
    return rule.scope_id, rule.name, None


def _count_usage(run: FocusImport, read: Sequence[_Read], at: datetime) -> None:
    events = [each.event for each in read if each.event is not None]
    if events:
        record_usage(events=events, key_scope_id=run.scope_id, source_format=FOCUS, billed_by=FOCUS, at=at)


@transaction.atomic
def _keep(run: FocusImport, read: Sequence[_Read], rows: Sequence[IncomingRow]) -> None:
    root_id = scope_tree(max_age_s=1).by_id[run.scope_id].root_id
    # Two files with the same rows wait for each other: one of them finds the rows of the other.
    Scope.objects.select_for_update(no_key=True).get(pk=root_id)
    done = FocusImport.objects.select_for_update().get(pk=run.pk)
    fresh = [each for each in read if each.row.number > done.rows_done]
    known = set(
        FocusRow.objects.charges()
        .filter(organisation_id=root_id, digest__in=[each.row.digest for each in fresh])
        .values_list("digest", "occurrence")
    )
    made = [_row_of(run, root_id, each, is_known=(each.row.digest, each.row.occurrence) in known) for each in fresh]
    FocusRow.objects.bulk_create(made, batch_size=500)
    statuses = [row.status for row in made]
    done.charges += statuses.count(FocusRowStatus.CHARGE)
    done.repeats += statuses.count(FocusRowStatus.REPEAT)
    done.quarantined += statuses.count(FocusRowStatus.QUARANTINED)
    done.used += sum(row.usage_record_id is not None and row.status == FocusRowStatus.CHARGE for row in made)
    done.rows_done = max(done.rows_done, rows[-1].number)
    done.save(update_fields=["charges", "repeats", "quarantined", "used", "rows_done"])


def _row_of(run: FocusImport, root_id: int, read: _Read, *, is_known: bool) -> FocusRow:
    row = read.row
    kept: dict[str, Any] = {
        "source": run, "row_number": row.number, "organisation_id": root_id, "scope_id": read.scope_id,
        "attribution": read.attribution, "cells": [_stored(cell) for cell in row.cells], "digest": row.digest,
        "occurrence": row.occurrence,
    }  # fmt: skip
    found = read.found
    if isinstance(found, RowFault):
        return FocusRow(
            **kept, status=FocusRowStatus.QUARANTINED, code=found.code, field=found.field, message=found.message
        )
    refusal = read.refusal
    is_used = read.event is not None
    return FocusRow(
        **kept,
        **facts_of(found),
        status=FocusRowStatus.REPEAT if is_known else FocusRowStatus.CHARGE,
        usage_record_id=identity(root_id, FOCUS, row.event_id) if is_used else None,
        code=refusal.code if refusal else "",
        field=refusal.field[:100] if refusal else "",
        message=refusal.message[:500] if refusal else "",
    )


def facts_of(charge: Charge) -> Mapping[str, Any]:
    row = charge.cells
    return {
        "billing_period_start": charge.billing_start,
        "billing_period_end": charge.billing_end,
        "charge_period_start": charge.start,
        "charge_period_end": charge.end,
        "charge_category": charge.category,
        "charge_class": (row.text("ChargeClass") or "")[:20],
        "currency": charge.currency,
        "billed_cost": _cost(charge.billed),
        "effective_cost": _cost(charge.effective),
        "list_cost": _cost(charge.listed),
        "contracted_cost": _cost(charge.contracted),
        "service_category": (row.text("ServiceCategory") or "")[:200],
        "service_name": (row.text("ServiceName") or "")[:500],
        "sku_id": (row.text("SkuId") or "")[:500],
        "sub_account": (row.text("SubAccountId") or "")[:500],
        "notes": list(charge.notes),
    }


def _cost(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(COST_PLACES, context=COSTS)


def _storable(cell: str) -> bool:
    return NUL not in cell and cell.encode("utf-8", "replace").decode() == cell


def _stored(cell: str | None) -> str | None:
    """A row with a cell that PostgreSQL cannot hold is quarantined; the mark stands where it was."""
    return cell if cell is None else cell.replace(NUL, "�").encode("utf-8", "replace").decode()
