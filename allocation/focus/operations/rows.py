"""Takes FOCUS rows in: each is kept as it was and, where it is usage, counted once."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from django.db import transaction

from allocation.attribution.engine import EXPLICIT, UNATTRIBUTED
from allocation.focus.engine.reading import NUL, Charge, Reader, RowFault, account_of, is_storable
from allocation.focus.engine.usage import UncountedCharge, call_of, is_money_alone, usage_of
from allocation.focus.models import FocusFormat, FocusImport, FocusRow, FocusRowStatus
from allocation.meters.documents import Fault, UsageEvent, read_event
from allocation.usage.engine.call_prices import FOCUS
from allocation.usage.engine.costing import IMPORT, PricingContext, identity, money_alone
from allocation.usage.models import ImportStatus
from allocation.usage.operations import pricing_context_for, record_usage
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

COST_PLACES = Decimal("1e-15")
COSTS = Context(prec=38, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class IncomingRow:
    """A row of the file. `number` counts from 1, `occurrence` the equal rows of the file up to this one."""

    number: int
    cells: Sequence[str | None]
    digest: str
    occurrence: int

    @property
    def key(self) -> tuple[str, int]:
        """Equal for the same row in another file."""
        return self.digest, self.occurrence

    def event_id(self, times_taken_back: int) -> str:
        """The id of the row's usage event: the same whenever the row is imported, until it is taken back."""
        return event_id(self.digest, self.occurrence, times_taken_back)


def event_id(digest: str, occurrence: int, times_taken_back: int) -> str:
    """As `IncomingRow.event_id`."""
    again = f"-{times_taken_back + 1}" if times_taken_back else ""
    return f"{digest[:40]}-{occurrence}{again}"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of the rows of a batch: those that count, and how often others were taken back."""

    counting: frozenset[tuple[str, int]]
    taken_back: Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class _ReadRow:
    row: IncomingRow
    outcome: Charge | RowFault
    scope_id: int
    attribution: str = ""
    event: UsageEvent | None = None
    refusal: UncountedCharge | None = None
    booked_at: datetime | None = None


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
    is_additional: bool = False,
    again: bool = False,
) -> FocusImport:
    """The import of this file into this scope, begun or finished before, or a new one: the first time, after it or what
    replaced it was withdrawn, and, if it is to count `again`, after it was replaced.
    """
    imports = FocusImport.objects.select_for_update(of=("self",)).filter(scope=scope, file_digest=file_digest)
    existing = imports.select_related("replaced_by").order_by("-pk").first()
    if existing is None or existing.is_void or (again and not existing.counts):
        return FocusImport.objects.create(
            scope=scope, file_digest=file_digest, file_name=file_name[-255:], size_bytes=size_bytes,
            file_format=file_format, version=version, columns=list(columns), column_types=list(column_types),
            status=ImportStatus.RUNNING, started_at=at, started_by=by, is_additional=is_additional,
        )  # fmt: skip
    if existing.status != ImportStatus.FINISHED:
        existing.status, existing.error = ImportStatus.RUNNING, ""
        existing.save(update_fields=["status", "error"])
    return existing


def record_focus_rows(*, import_id: int, reader: Reader, rows: Sequence[IncomingRow], at: datetime) -> None:
    """Records one batch. Usage first, in its own transaction and recognised by its identity; then the rows with what
    became of them, and the progress of the import: a crash in between counts nothing twice.
    """
    run = FocusImport.objects.select_related("scope").get(pk=import_id)
    context = pricing_context_for(key_scope_id=run.scope_id, at=at)
    known = _known(root_of(run), rows)
    read = [_read(run, context, reader, row, known) for row in rows]
    count_usage(run, [each.event for each in read if each.event and each.row.key not in known.counting], at)
    _store(run, read, rows)


def finish_focus_import(*, import_id: int, at: datetime) -> FocusImport:
    """Marks the import finished."""
    FocusImport.objects.filter(pk=import_id).update(status=ImportStatus.FINISHED, finished_at=at)
    return FocusImport.objects.get(pk=import_id)


def fail_focus_import(*, import_id: int, error: str) -> None:
    """Marks the import failed; `error` is shortened to 500 characters."""
    FocusImport.objects.filter(pk=import_id).update(status=ImportStatus.FAILED, error=error[:500])


def root_of(run: FocusImport) -> int:
    """The id of the organisation that the import is into."""
    return scope_tree(max_age_s=1).by_id[run.scope_id].root_id


def _known(root_id: int, rows: Sequence[IncomingRow]) -> _Known:
    stored = FocusRow.objects.filter(
        organisation_id=root_id, status=FocusRowStatus.CHARGE, digest__in={row.digest for row in rows}
    )
    counting: set[tuple[str, int]] = set()
    taken_back: Counter[tuple[str, int]] = Counter()
    for digest, occurrence, taken_back_at in stored.values_list("digest", "occurrence", "taken_back_at"):
        if taken_back_at is None:
            counting.add((digest, occurrence))
        else:
            taken_back[digest, occurrence] += 1
    return _Known(frozenset(counting), taken_back)


def _read(run: FocusImport, context: PricingContext, reader: Reader, row: IncomingRow, known: _Known) -> _ReadRow:
    outcome = reader.read(row.cells)
    if any(cell is not None and not is_storable(cell) for cell in row.cells):
        outcome = RowFault("invalid_text", "", "A cell holds NUL or an invalid character; write the file as UTF-8.")
    if isinstance(outcome, RowFault):
        return _ReadRow(row, outcome, run.scope_id)
    placement = _placement(context, outcome)
    if isinstance(placement, RowFault):
        return _ReadRow(row, placement, run.scope_id)
    scope_id, attribution, path = placement
    counted = counted_event(context, outcome, row.event_id(known.taken_back.get(row.key, 0)), path)
    closed_until_s = context.home.closed_until_s if context.home else 0.0
    is_late = outcome.billing_start.timestamp() < closed_until_s
    return _ReadRow(
        row,
        outcome,
        scope_id,
        attribution,
        event=counted if isinstance(counted, UsageEvent) else None,
        refusal=counted if isinstance(counted, UncountedCharge) else None,
        booked_at=datetime.fromtimestamp(context.at_s, UTC) if is_late else None,
    )


def counted_event(
    context: PricingContext, charge: Charge, event_id: str, path: str | None
) -> UsageEvent | UncountedCharge | None:
    """The charge's usage event, in the scope at `path` if one is given; why it cannot be counted; None where it changes
    no cost of usage.
    """
    document = usage_of(charge, event_id=event_id, source=FOCUS)
    if document is None or isinstance(document, UncountedCharge):
        return document
    if path is not None:
        document["scope"] = path
    event = read_event(json.dumps(document).encode())
    if isinstance(event, Fault):
        return UncountedCharge(event.code, event.field, event.message)
    if is_money_alone(charge):
        event = money_alone(event)
    # Its own row tells why it is not counted; quarantined usage would be a second place to correct it.
    costed = context.cost(event)
    return UncountedCharge(costed.code, costed.field, costed.message) if isinstance(costed, Fault) else event


def _placement(context: PricingContext, charge: Charge) -> tuple[int, str, str | None] | RowFault:
    """(scope id, how it was attributed, the scope path to name). A row exported by Weir names its scope in x_ScopePath;
    for others the attribution rules decide.
    """
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
            "scope_unknown",
            "Tags",
            f"The rule {rule.name} leads to a scope outside the one this import may write to.",
        )
    return rule.scope_id, rule.name, None


def count_usage(run: FocusImport, events: Sequence[UsageEvent], at: datetime) -> None:
    """Records the events of the import's rows, at the cost that the file states."""
    if events:
        record_usage(
            events=events, key_scope_id=run.scope_id, source_format=FOCUS, billed_by=FOCUS, sent_by=IMPORT, at=at
        )


@transaction.atomic
def _store(run: FocusImport, read: Sequence[_ReadRow], rows: Sequence[IncomingRow]) -> None:
    root_id = root_of(run)
    # Two files with the same rows are stored one after the other, so that the second finds the rows of the first.
    Scope.objects.select_for_update(no_key=True).get(pk=root_id)
    progress = FocusImport.objects.select_for_update().get(pk=run.pk)
    unrecorded = [read_row for read_row in read if read_row.row.number > progress.rows_done]
    known = _known(root_id, [read_row.row for read_row in unrecorded])
    stored = [_row_of(run, root_id, read_row, known) for read_row in unrecorded]
    FocusRow.objects.bulk_create(stored, batch_size=500)
    statuses = [row.status for row in stored]
    progress.charges += statuses.count(FocusRowStatus.CHARGE)
    progress.repeats += statuses.count(FocusRowStatus.REPEAT)
    progress.quarantined += statuses.count(FocusRowStatus.QUARANTINED)
    progress.used += sum(row.usage_record_id is not None and row.status == FocusRowStatus.CHARGE for row in stored)
    progress.rows_done = max(progress.rows_done, rows[-1].number)
    progress.save(update_fields=["charges", "repeats", "quarantined", "used", "rows_done"])


def _row_of(run: FocusImport, root_id: int, read: _ReadRow, known: _Known) -> FocusRow:
    row = read.row
    common: dict[str, Any] = {
        "source": run, "row_number": row.number, "organisation_id": root_id, "scope_id": read.scope_id,
        "attribution": read.attribution, "cells": [_stored(cell) for cell in row.cells], "digest": row.digest,
        "occurrence": row.occurrence,
    }  # fmt: skip
    outcome = read.outcome
    if isinstance(outcome, RowFault):
        return FocusRow(
            **common, status=FocusRowStatus.QUARANTINED, code=outcome.code, field=outcome.field, message=outcome.message
        )
    refusal = read.refusal
    return FocusRow(
        **common,
        **charge_fields(outcome),
        status=FocusRowStatus.REPEAT if row.key in known.counting else FocusRowStatus.CHARGE,
        booked_at=read.booked_at,
        usage_record_id=identity(root_id, FOCUS, read.event.id) if read.event is not None else None,
        code=refusal.code if refusal else "",
        field=refusal.field[:100] if refusal else "",
        message=refusal.message[:500] if refusal else "",
    )


def charge_fields(charge: Charge) -> Mapping[str, Any]:
    """The fields of a stored row that are read from its charge."""
    row = charge.cells
    return {
        "billing_period_start": charge.billing_start,
        "billing_period_end": charge.billing_end,
        "charge_period_start": charge.start,
        "charge_period_end": charge.end,
        "billing_account": account_of(row),
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


def _stored(cell: str | None) -> str | None:
    """The cell with a replacement mark for what PostgreSQL cannot store; such a row is quarantined."""
    return cell if cell is None else cell.replace(NUL, "�").encode("utf-8", "replace").decode()
