"""The record of a file import, so that a broken-off one goes on and a repeated one is seen for what it is."""

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
    """The unfinished run of the same file and options, or a new one. `records_done` says how far it came."""
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
    """After the batch is committed: a crash in between repeats the batch, which then counts as duplicates."""
    ImportRun.objects.filter(pk=run_id).update(
        records_done=records_done,
        accepted=F("accepted") + result.accepted,
        duplicate=F("duplicate") + result.duplicate,
        rejected=F("rejected") + len(result.rejected),
    )


def finish_import(*, run_id: int, at: datetime) -> ImportRun:
    ImportRun.objects.filter(pk=run_id).update(status=ImportStatus.FINISHED, finished_at=at)
    return ImportRun.objects.get(pk=run_id)


def fail_import(*, run_id: int, error: str) -> None:
    ImportRun.objects.filter(pk=run_id).update(status=ImportStatus.FAILED, error=error[:500])
