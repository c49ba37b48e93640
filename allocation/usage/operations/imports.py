"""The state of file imports, by which an interrupted import continues and a repeated file is recognised."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from allocation.usage.models import ImportRun, ImportStatus
from allocation.usage.operations.results import IngestResult


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


def note_progress(*, run_id: int, records_done: int, result: IngestResult) -> None:
    """Adds a batch's result. Called after the batch is committed: after a crash in between, the batch is repeated and
    counts as duplicates.
    """
    ImportRun.objects.filter(pk=run_id).update(
        records_done=records_done,
        accepted=F("accepted") + result.accepted,
        duplicate=F("duplicate") + result.duplicate,
        rejected=F("rejected") + len(result.rejected),
    )


def finish_import(*, run_id: int, at: datetime) -> ImportRun:
    """Marks the run finished."""
    ImportRun.objects.filter(pk=run_id).update(status=ImportStatus.FINISHED, finished_at=at)
    return ImportRun.objects.get(pk=run_id)


def fail_import(*, run_id: int, error: str) -> None:
    """Marks the run failed; `error` is shortened to 500 characters."""
    ImportRun.objects.filter(pk=run_id).update(status=ImportStatus.FAILED, error=error[:500])
