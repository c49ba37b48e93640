"""Reads outcomes from JSON, JSON lines or CSV with a header; a record means the same in every format."""

import csv
import io
import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from allocation.meters.documents import IDENTIFIER_MAX, Fault, fitted, read_again
from allocation.outcomes.documents import OUTCOME_FIELDS, READ_OUTCOME, OutcomeEvent, outcome_fault
from allocation.outcomes.operations import record_outcomes
from allocation.quarantine.models import OUTCOME_FORMAT
from allocation.quarantine.operations import RefusedRecord, refused_data, refused_text
from allocation.usage.engine.costing import IMPORT
from allocation.usage.importers.files import breaking_off
from allocation.usage.importers.incoming import RECORD_BYTES_MAX, TOO_DEEP, MalformedBody, json_records, too_many
from allocation.usage.models import ImportRun
from allocation.usage.operations import finish_import, note_progress, start_import

CHUNK = 2_000
# Separates the items of a list in a CSV cell.
LIST_SEPARATOR = ";"
LISTS = frozenset({"task_ids", "safety_flags"})
# Fields with parts, in columns such as `attributes.team` or `value.amount`.
NESTED = frozenset({"attributes", "value"})
BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
UNREADABLE = (csv.Error, UnicodeDecodeError, MalformedBody)
# (position from 0, the record's JSON)
Record = tuple[int, bytes]


@dataclass(slots=True)
class IncomingOutcomes:
    """What was sent, sorted into events and refused records. `indexes` are the events' positions in it, from 0."""

    events: list[OutcomeEvent] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    refused: list[RefusedRecord] = field(default_factory=list)

    def add(self, index: int, record: bytes) -> None:
        """Adds the record's event, or refuses the record with its fault."""
        if len(record) > RECORD_BYTES_MAX:
            fault = Fault("record_too_large", f"A record holds at most {RECORD_BYTES_MAX:,} bytes.")
            self.refused.append(refused_text(index, fault, record))
            return
        read = _read(record)
        if isinstance(read, Fault):
            self.refused.append(_refused(index, read, record))
        else:
            self.events.append(read)
            self.indexes.append(index)


def _read(record: bytes) -> OutcomeEvent | Fault:
    try:
        return READ_OUTCOME(record)
    except ValidationError as problem:
        return read_again(problem, _with_fitting_ids(record), READ_OUTCOME, outcome_fault)


def _with_fitting_ids(record: bytes) -> bytes | None:
    """With the ids of its tasks cut as those of usage are, so that the two still meet; None where they fit."""
    try:
        data = json.loads(record, parse_float=str)
    except (ValueError, RecursionError):
        return None
    ids = data.get("task_ids") if isinstance(data, dict) else None
    if not isinstance(ids, list):
        return None
    kept = [fitted(each, IDENTIFIER_MAX) if isinstance(each, str) else each for each in ids]
    return None if kept == ids else json.dumps({**data, "task_ids": kept}).encode()


def _refused(index: int, fault: Fault, record: bytes) -> RefusedRecord:
    try:
        return refused_data(index, fault, json.loads(record), record, fields=OUTCOME_FIELDS)
    except RecursionError:
        return refused_text(index, TOO_DEEP, record)
    except ValueError:
        return refused_text(index, fault, record)


def read_outcomes(body: bytes, *, records_max: int) -> IncomingOutcomes:
    """Reads a JSON array or one object. Raises MalformedBody, and TooManyRecords above `records_max`."""
    incoming = IncomingOutcomes()
    for index, (_, text) in enumerate(json_records(body, records_max=records_max)):
        incoming.add(index, text.encode("utf-8", "surrogatepass"))
    return incoming


def read_outcome_lines(body: bytes, *, records_max: int) -> IncomingOutcomes:
    """Reads one JSON object per line; empty lines are skipped. Raises MalformedBody (`body_empty`), and TooManyRecords
    above `records_max`.
    """
    incoming = IncomingOutcomes()
    for count, (index, line) in enumerate(_lines(io.BytesIO(body))):
        if count >= records_max:
            raise too_many(records_max)
        incoming.add(index, line)
    if not incoming.events and not incoming.refused:
        raise MalformedBody("The body is empty; send one JSON object per line.", code="body_empty")
    return incoming


def import_outcomes(path: Path, *, scope_id: int | None, now: Callable[[], datetime]) -> ImportRun:
    """Imports JSON lines, a JSON array or, by the file's name, CSV. An interrupted run of the same file is continued;
    records already in the database count as duplicates. Raises Invalid (`file_unreadable`).
    """
    content = path.read_bytes()
    run = start_import(
        file_name=path.name,
        file_digest=sha256(content).hexdigest(),
        size_bytes=len(content),
        source_format=OUTCOME_FORMAT,
        options_digest=sha256(f"{OUTCOME_FORMAT} {scope_id}".encode()).hexdigest(),
        mapping=None,
        scope_id=scope_id,
        at=now(),
    )
    with breaking_off(run, path, UNREADABLE):
        _import_records(run, _records(path, content), scope_id, now)
    return finish_import(run_id=run.pk, at=now())


def _import_records(
    run: ImportRun, records: Iterable[Record], scope_id: int | None, now: Callable[[], datetime]
) -> None:
    remaining, done = iter(records), 0
    while batch := list(islice(remaining, CHUNK)):
        done += len(batch)
        if done <= run.records_done:
            continue
        incoming = IncomingOutcomes()
        for index, record in batch:
            incoming.add(index, record)
        result = record_outcomes(
            events=incoming.events,
            indexes=incoming.indexes,
            refused=incoming.refused,
            key_scope_id=scope_id,
            sender=IMPORT,
            at=now(),
        )
        note_progress(run_id=run.pk, records_done=done, result=result)


def _records(path: Path, content: bytes) -> Iterable[Record]:
    if path.suffix == ".csv":
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        return ((index, json.dumps(record_of_row(row)).encode()) for index, row in enumerate(reader))
    if content.removeprefix(BOM_UTF8).lstrip()[:1] == b"[":
        return ((index, text.encode("utf-8", "surrogatepass")) for index, (_, text) in enumerate(json_records(content)))
    return _lines(io.BytesIO(content))


def _lines(file: Iterable[bytes]) -> Iterator[Record]:
    for index, line in enumerate(file):
        content = line if index else line.removeprefix(BOM_UTF8)
        if not content.isspace() and content:
            yield index, content.rstrip(b"\r\n")


def record_of_row(row: Mapping[str | None, Any]) -> dict[str, Any]:
    """A CSV row as an outcome's fields. Empty cells are left out; a cell that cannot be read stays text and is refused
    later.
    """
    record: dict[str, Any] = {}
    for column, cell in row.items():
        if column is None:
            record["?"] = "more cells than the header has"
        elif cell:
            head, _, part = column.partition(".")
            if part and head in NESTED:
                record.setdefault(head, {})[part] = cell
            else:
                record[column] = _of_cell(column, cell)
    return record


def _of_cell(column: str, cell: str) -> Any:
    if column in LISTS:
        return [item for part in cell.split(LIST_SEPARATOR) if (item := part.strip())]
    if column == "success":
        return BOOLEANS.get(cell.strip().lower(), cell)
    if column == "quantity" and cell.strip().isdecimal():
        return int(cell)
    return cell
