"""Imports whole files: native events, LiteLLM payloads, or records that a mapping describes."""

import csv
import gzip
import io
import json
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, cast

from django.db import connection
from pydantic import TypeAdapter

from allocation.meters.documents import Fault
from allocation.quarantine.operations import refused_text
from allocation.usage.documents import UsageMapping
from allocation.usage.importers import litellm, litellm_spend_log, parquet
from allocation.usage.importers.incoming import Incoming, json_records
from allocation.usage.importers.litellm import SOURCE, PriceFrom
from allocation.usage.importers.mapped import records_of, row_filter, translator
from allocation.usage.models import ImportRun
from allocation.usage.operations import (
    IngestResult,
    fail_import,
    finish_import,
    note_progress,
    record_usage,
    start_import,
)
from governance.documents import load_documents, parse_document
from governance.errors import Invalid

CHUNK = 5_000
SHIPPED = Path(__file__).resolve().parent.parent / "mappings"
# A JSON array is read whole; JSON lines are not.
ARRAY_BYTES_MAX = 256 * 1024 * 1024
# Logs may hold whole prompts; the csv module's own limit is 128 KiB.
csv.field_size_limit(64 * 1024 * 1024)
# Raised by the readers for a file that is truncated, not gzip inside or not UTF-8.
UNREADABLE = (csv.Error, EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, parquet.Unreadable)
Format = Literal["native", "litellm", "litellm-spend-log", "mapped"]
Clock = Callable[[], datetime]
# (records read, bytes of the file read)
Progress = Callable[[int, int], None]
# (position from 0, the record as bytes or as data)
Record = tuple[int, object]
_MAPPING: TypeAdapter[UsageMapping] = TypeAdapter(UsageMapping)


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import. `scope_id` is the top of the subtree the records may go to; None for any scope."""

    path: Path
    source_format: Format
    mapping: UsageMapping | None = None
    scope_id: int | None = None
    source: str | None = None
    price: PriceFrom = "catalogue"

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
        raise Invalid(f"{path.name} cannot be read: {problem}.", code="file_unreadable") from problem
    except BaseException as problem:
        fail_import(run_id=run.pk, error=type(problem).__name__)
        raise


def _import_batches(request: ImportRequest, run: ImportRun, now: Clock, progress: Progress) -> None:
    read = _batch_reader(request)
    done_before = run.records_done
    with _opened(request) as (records, position), ThreadPoolExecutor(max_workers=1) as writer:
        # Another connection does not see what an open transaction has done.
        submit: Callable[..., Future[IngestResult]] = _write_now if connection.in_atomic_block else writer.submit
        done = 0
        writing: Future[IngestResult] | None = None
        try:
            while batch := list(islice(records, CHUNK)):
                incoming = read(batch)
                written = done
                done += len(batch)
                if writing is not None:
                    note_progress(run_id=run.pk, records_done=written, result=writing.result())
                    writing = None
                    progress(written, position())
                if done > done_before:
                    writing = submit(_write, request, incoming, now())
            if writing is not None:
                note_progress(run_id=run.pk, records_done=done, result=writing.result())
            progress(done, position())
        finally:
            writer.submit(connection.close)


def _write_now(write: Callable[..., IngestResult], *arguments: Any) -> Future[IngestResult]:
    future: Future[IngestResult] = Future()
    future.set_result(write(*arguments))
    return future


def _write(request: ImportRequest, incoming: Incoming, at: datetime) -> IngestResult:
    return record_usage(
        events=incoming.events,
        indexes=incoming.indexes,
        refused=incoming.refused,
        key_scope_id=request.scope_id,
        source_format=request.source_format,
        at=at,
    )


def digest_of(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class OpenedFile:
    """The file's bytes, unpacked when its name ends in .gz, and the number of bytes of the file itself read so far."""

    def __init__(self, path: Path) -> None:
        self.raw = path.open("rb")  # closed in __exit__
        self.file: IO[bytes] = self.raw if path.suffix != ".gz" else cast("IO[bytes]", gzip.GzipFile(fileobj=self.raw))

    def __enter__(self) -> tuple[IO[bytes], Callable[[], int]]:
        return self.file, self.raw.tell

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.raw.close()


@contextmanager
def _opened(request: ImportRequest) -> Iterator[tuple[Iterator[Record], Callable[[], int]]]:
    """The file's records, and the number of its bytes read so far. A mapping of columns also reads a Parquet file with
    the same columns.
    """
    mapping = request.mapping
    if mapping is not None and "parquet" in {mapping.format, request.path.suffix.removeprefix(".")}:
        rows = parquet.ParquetRows(request.path)
        yield iter(enumerate(rows)), rows.position
        return
    with OpenedFile(request.path) as (file, position):
        yield iter(_records(request, file)), position


def _records(request: ImportRequest, file: IO[bytes]) -> Iterable[Record]:
    mapping = request.mapping
    if mapping is not None and mapping.format == "csv":
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        return enumerate(csv.DictReader(text, delimiter=mapping.delimiter))
    head = file.read(len(BOM_UTF8) + 1)
    file.seek(0)
    is_document = mapping.format == "json" if mapping else head.removeprefix(BOM_UTF8)[:1] == b"["
    if not is_document:
        return _lines(file) if mapping is None or not mapping.each else _items(_lines(file), mapping.each)
    body = file.read(ARRAY_BYTES_MAX + 1)
    if len(body) > ARRAY_BYTES_MAX:
        raise Invalid("A JSON document of this size does not fit into memory; give JSON lines.", code="file_too_large")
    pages = enumerate(record for record, _ in json_records(body))
    return _items(pages, mapping.each) if mapping else pages


def _items(pages: Iterable[Record], each: tuple[str, ...]) -> Iterator[Record]:
    """The records in the pages' lists. A page that is not JSON is passed on, to be refused."""
    return enumerate(record for _, page in pages for record in records_of(_parsed(page), each))


def _parsed(page: object) -> object:
    try:
        return json.loads(page) if isinstance(page, bytes) else page
    except (ValueError, RecursionError):
        return page


def _lines(file: IO[bytes]) -> Iterator[Record]:
    for index, line in enumerate(file):
        content = line.rstrip(b"\r\n") if index else line.rstrip(b"\r\n").removeprefix(BOM_UTF8)
        if content and not content.isspace():
            yield index, content


def _batch_reader(request: ImportRequest) -> Callable[[list[Record]], Incoming]:
    if request.source_format == "native":
        return _native
    if request.source_format == "litellm":
        return lambda batch: _litellm(batch, request, litellm.incoming_of)
    if request.source_format == "litellm-spend-log":
        return lambda batch: _litellm(batch, request, litellm_spend_log.incoming_of)
    if request.mapping is None:
        raise Invalid("A mapped file needs --mapping.", code="mapping_missing")
    translate, is_wanted = translator(request.mapping, source=request.source), row_filter(request.mapping)

    def mapped(batch: list[Record]) -> Incoming:
        incoming = Incoming()
        for index, record in batch:
            row = _row(incoming, index, record)
            if row is not None and is_wanted(row):
                incoming.take_data(index, translate(row, index + 1))
        return incoming

    return mapped


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
    rows = [(index, row) for index, record in batch if (row := _row(incoming, index, record)) is not None]
    payloads = read(rows, price=request.price, source=request.source or SOURCE)
    payloads.refused.extend(incoming.refused)
    return payloads


def _row(incoming: Incoming, index: int, record: object) -> dict[str, object] | None:
    """The record's data; None when it is refused because it is not a JSON object."""
    if isinstance(record, bytes):
        try:
            data = json.loads(record)
        except (ValueError, RecursionError):
            incoming.refused.append(refused_text(index, Fault("malformed_json", "The line is not valid JSON."), record))
            return None
    else:
        data = record
    if not isinstance(data, dict):
        incoming.refuse(index, Fault("not_an_object", "The record must be a JSON object."), data)
        return None
    return data
