"""Imports whole files: native events, LiteLLM payloads, or records that a mapping describes."""

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from django.db import connection
from pydantic import TypeAdapter

from allocation.sources.documents import PriceFrom
from allocation.usage.documents import UsageMapping
from allocation.usage.engine.costing import IMPORT
from allocation.usage.engine.statements import Spans
from allocation.usage.importers import litellm, litellm_spend_log, parquet
from allocation.usage.importers.contents import Record, opened
from allocation.usage.importers.incoming import Incoming
from allocation.usage.importers.layouts import TABULAR, missing_from, needed_columns
from allocation.usage.importers.litellm import SOURCE
from allocation.usage.importers.mapped_rows import MappedReader
from allocation.usage.importers.told_columns import SHIPPED
from allocation.usage.models import ImportRun
from allocation.usage.operations import (
    IngestResult,
    fail_import,
    finish_import,
    hold_file,
    note_progress,
    record_usage,
    start_import,
)
from governance.documents import load_documents, parse_document
from governance.errors import DomainError, Invalid

CHUNK = 5_000
# Raised by the readers for a file that is truncated, not gzip inside or not UTF-8.
UNREADABLE = (csv.Error, EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, parquet.Unreadable)
Format = Literal["native", "litellm", "litellm-spend-log", "mapped"]
Clock = Callable[[], datetime]
# (records read, bytes of the file read)
Progress = Callable[[int, int], None]
_MAPPING: TypeAdapter[UsageMapping] = TypeAdapter(UsageMapping)


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import. `scope_id` is the top of the subtree the records may go to; None for any scope."""

    path: Path
    source_format: Format
    mapping: UsageMapping | None = None
    scope_id: int | None = None
    source: str | None = None
    price: PriceFrom | None = None

    @property
    def options_digest(self) -> str:
        """Equal for equal options: an interrupted run is only continued with the options it began with."""
        mapping = self.mapping.model_dump_json() if self.mapping else ""
        options = json.dumps([self.source_format, mapping, self.scope_id, self.source, self.price])
        return sha256(options.encode()).hexdigest()


def mapping_path(name: str) -> Path:
    """The path of a mapping file, or of the mapping of this name that is shipped with Weir."""
    shipped = SHIPPED / f"{name}.yaml"
    return shipped if "/" not in name and not Path(name).exists() and shipped.exists() else Path(name)


def load_mapping(path: Path) -> UsageMapping:
    """The file's only mapping. Raises Invalid (`mapping_invalid`) when it holds none or several, and as
    `parse_document`.
    """
    documents = load_documents(path.read_bytes(), source=path.name)
    if len(documents) != 1:
        raise Invalid(f"{path.name} must hold one mapping.", code="mapping_invalid")
    return parse_document(_MAPPING, documents[0])


def shipped_for(columns: Collection[str]) -> list[str]:
    """The mappings that ship and need no other columns than these; of pages only where none of rows does."""
    mappings = {path.stem: load_mapping(path) for path in sorted(SHIPPED.glob("*.yaml"))}
    fitting = [
        name
        for name, mapping in mappings.items()
        if not missing_from(columns, needed_columns(mapping, tabular=mapping.format in TABULAR))
    ]
    return [name for name in fitting if not mappings[name].each] or fitting


def import_file(request: ImportRequest, *, now: Clock, progress: Progress = lambda _records, _bytes: None) -> ImportRun:
    """Imports the file batch by batch, reading the next one while one is written. Records that an interrupted run has
    imported are read again, since a mapping may look back at them, but not written. Raises Invalid (`file_unreadable`,
    `file_too_large`, `mapping_missing`).
    """
    run = start_import(
        file_name=request.path.name,
        file_digest=digest_of(request.path),
        size_bytes=request.path.stat().st_size,
        source_format=request.source_format,
        options_digest=request.options_digest,
        mapping=request.mapping.model_dump(mode="json", exclude_defaults=True) if request.mapping else None,
        scope_id=request.scope_id,
        at=now(),
    )
    with breaking_off(run, request.path, UNREADABLE):
        _import_batches(request, run, now, progress)
    return finish_import(run_id=run.pk, at=now())


@contextmanager
def breaking_off(run: ImportRun, path: Path, unreadable: tuple[type[Exception], ...]) -> Iterator[None]:
    """Records on the run what interrupts it; an `unreadable` file raises Invalid (`file_unreadable`)."""
    try:
        yield
    except unreadable as problem:
        fail_import(run_id=run.pk, error=type(problem).__name__)
        # DuckDB repeats values and the whole path.
        reason = type(problem).__name__ if isinstance(problem, parquet.Unreadable) else problem
        raise Invalid(f"{path.name} cannot be read: {reason}.", code="file_unreadable") from problem
    except DomainError as problem:
        fail_import(run_id=run.pk, error=str(problem))
        raise
    except BaseException as problem:
        fail_import(run_id=run.pk, error=type(problem).__name__)
        raise


def _import_batches(request: ImportRequest, run: ImportRun, now: Clock, progress: Progress) -> None:
    read = _batch_reader(request)
    done_before = run.records_done
    with opened(request.path, request.mapping) as (records, position), ThreadPoolExecutor(max_workers=1) as writer:
        # Another connection does not see what an open transaction has done.
        submit: Callable[..., Future[IngestResult]] = _write_now if connection.in_atomic_block else writer.submit
        note = partial(note_progress, run_id=run.pk)
        done = passed_over = 0
        stated: Spans = {}
        writing: Future[IngestResult] | None = None
        try:
            while batch := list(islice(records, CHUNK)):
                incoming = read(batch)
                written = done
                done += len(batch)
                if writing is not None:
                    note(records_done=written, result=writing.result(), passed_over=passed_over, stated=stated)
                    writing = None
                    progress(written, position())
                if done > done_before:
                    writing = submit(_write, request, run.pk, incoming, now())
                    passed_over, stated = incoming.passed_over, incoming.stated
            if writing is not None:
                note(records_done=done, result=writing.result(), passed_over=passed_over, stated=stated)
            progress(done, position())
        finally:
            writer.submit(connection.close)


def _write_now(write: Callable[..., IngestResult], *arguments: Any) -> Future[IngestResult]:
    future: Future[IngestResult] = Future()
    future.set_result(write(*arguments))
    return future


def _write(request: ImportRequest, run_id: int, incoming: Incoming, at: datetime) -> IngestResult:
    named = zip(incoming.events, incoming.indexes, strict=True)
    accounts = {
        (event.id, event.occurred_at): incoming.accounts[index] for event, index in named if index in incoming.accounts
    }
    return record_usage(
        events=incoming.events,
        indexes=incoming.indexes,
        refused=incoming.refused,
        key_scope_id=request.scope_id,
        source_format=request.source_format,
        held_by=partial(hold_file, run_id=run_id, accounts=accounts, accounts_by_place=incoming.accounts),
        price=request.price,
        sent_by=IMPORT,
        at=at,
    )


def digest_of(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _batch_reader(request: ImportRequest) -> Callable[[list[Record]], Incoming]:
    if request.source_format == "native":
        return _native
    if request.source_format == "litellm":
        return lambda batch: _litellm(batch, request, litellm.incoming_of)
    if request.source_format == "litellm-spend-log":
        return lambda batch: _litellm(batch, request, litellm_spend_log.incoming_of)
    if request.mapping is None:
        raise Invalid("A mapped file needs --mapping.", code="mapping_missing")
    return MappedReader(request.mapping, file_name=request.path.name, source=request.source).read


def _native(batch: list[Record]) -> Incoming:
    incoming = Incoming()
    for index, record in batch:
        if isinstance(record, bytes):
            incoming.take_json(index, record)
        else:
            incoming.take_data(index, record)
    return incoming


def _litellm(batch: list[Record], request: ImportRequest, read: Callable[..., Incoming]) -> Incoming:
    incoming = Incoming()
    rows = [(index, row) for index, record in batch if (row := incoming.object_of(index, record)) is not None]
    payloads = read(rows, price=request.price or "catalogue", source=request.source or SOURCE)
    payloads.refused.extend(incoming.refused)
    return payloads
