"""The state of file imports, by which an interrupted import continues and a repeated file is recognised."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.db import transaction

from allocation.quarantine.operations import Kept, RefusedRecord
from allocation.usage.engine.costing import CostedRecord
from allocation.usage.engine.statements import Spans, joined_spans, statement_of
from allocation.usage.models import ImportedRecord, ImportRun, ImportStatus
from allocation.usage.operations.refusals import hold_refusals
from allocation.usage.operations.results import IngestResult

# An event's id and instant.
EventKey = tuple[str, datetime]


@transaction.atomic
def start_import(
    *,
    file_name: str,
    file_digest: str,
    size_bytes: int,
    source_format: str,
    options_digest: str,
    mapping: Mapping[str, Any] | None,
    scope_id: int | None,
    at: datetime,
) -> ImportRun:
    """The unfinished run of the same file and options, locked and set to running, or a new run. `records_done` is how
    far it has come.
    """
    unfinished = (
        ImportRun.objects.select_for_update()
        .filter(file_digest=file_digest, options_digest=options_digest)
        .exclude(status=ImportStatus.FINISHED)
        .order_by("-pk")
        .first()
    )
    if unfinished is not None:
        unfinished.status, unfinished.error = ImportStatus.RUNNING, ""
        unfinished.save(update_fields=["status", "error"])
        return unfinished
    return ImportRun.objects.create(
        file_name=file_name[-255:],
        file_digest=file_digest,
        size_bytes=size_bytes,
        source_format=source_format,
        options_digest=options_digest,
        mapping=mapping,
        scope_id=scope_id,
        status=ImportStatus.RUNNING,
        started_at=at,
    )


@transaction.atomic
def hold_file(
    *,
    run_id: int,
    accounts: Mapping[EventKey, str],
    accounts_by_place: Mapping[int, str],
    batch: Sequence[CostedRecord],
    new: Sequence[CostedRecord],
    refused: Sequence[RefusedRecord],
    kept: Mapping[tuple[str, str], Kept],
) -> None:
    """Remembers which records the import's file holds, refused ones among them. Call it inside the transaction that
    recorded them.
    """
    _hold_records(run_id, batch, new, accounts)
    hold_refusals(run_id=run_id, accounts=accounts_by_place, refused=refused, kept=kept)


def _hold_records(
    run_id: int, batch: Sequence[CostedRecord], new: Sequence[CostedRecord], accounts: Mapping[EventKey, str]
) -> None:
    statements = {
        (record.event.id, record.event.occurred_at): statement_of(record.root_id, account)
        for record in batch
        if (account := accounts.get((record.event.id, record.event.occurred_at))) is not None
    }
    known = {(record.id, record.at_s) for record in new}
    ImportedRecord.objects.bulk_create(
        [
            ImportedRecord(
                source_id=run_id,
                record_id=record.id,
                record_occurred_at=record.event.occurred_at,
                is_new=(record.id, record.at_s) in known,
                statement=statements.get((record.event.id, record.event.occurred_at), ""),
            )
            for record in batch
        ],
        batch_size=2_000,
        ignore_conflicts=True,
    )


@transaction.atomic
def note_progress(
    *, run_id: int, records_done: int, result: IngestResult, passed_over: int = 0, stated: Spans = MappingProxyType({})
) -> None:
    """Adds a batch's result. Called after the batch is committed: after a crash in between, the batch is repeated and
    counts as duplicates.
    """
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    run.records_done = records_done
    run.accepted += result.accepted
    run.duplicate += result.duplicate
    run.rejected += len(result.rejected)
    run.passed_over += passed_over
    run.unpriced += result.unpriced
    for currency, cost in result.costs.items():
        run.costs[currency] = str(Decimal(run.costs.get(currency, 0)) + cost)
    run.stated = joined_spans(run.stated, stated)
    run.save(
        update_fields=[
            "records_done", "accepted", "duplicate", "rejected", "passed_over", "unpriced", "costs", "stated",
        ]
    )  # fmt: skip


def finish_import(*, run_id: int, at: datetime) -> ImportRun:
    """Marks the run finished."""
    ImportRun.objects.filter(pk=run_id).update(status=ImportStatus.FINISHED, finished_at=at)
    return ImportRun.objects.get(pk=run_id)


def fail_import(*, run_id: int, error: str) -> None:
    """Marks the run failed; `error` is shortened to 500 characters."""
    ImportRun.objects.filter(pk=run_id).update(status=ImportStatus.FAILED, error=error[:500])
