"""What was sent, sorted into events ready for costing and records that were refused."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from allocation.meters.documents import Fault, UsageEvent, mended, mended_record, read_event
from allocation.quarantine.operations import RefusedRecord, refused_data, refused_text
from governance.errors import Invalid

# Several times the largest valid record. Larger ones are validated only where mending makes them smaller: the errors of
# a record of megabytes may fill gigabytes.
RECORD_BYTES_MAX = 128 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
TOO_DEEP = Fault("json_too_deep", "The record is nested too deeply.")


class MalformedBody(Invalid):
    """The body as a whole cannot be read."""

    code = "malformed_json"
    status = 400


class TooManyRecords(Invalid):
    """The request holds more records than allowed."""

    code = "batch_too_large"
    status = 413


@dataclass(slots=True)
class Incoming:
    """The events and refused records of one request or batch. `indexes` are the events' positions in what was sent,
    from 0; `passed_over` counts the rows that a mapping is not for. `accounts` names, by position, also of refused
    records, the account of a file that states it whole, and `stated` from when to when it does.
    """

    events: list[UsageEvent] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    refused: list[RefusedRecord] = field(default_factory=list)
    passed_over: int = 0
    accounts: dict[int, str] = field(default_factory=dict)
    stated: dict[str, tuple[str, str]] = field(default_factory=dict)

    def take_json(self, index: int, record: bytes) -> None:
        """Adds the record's event, mended where that is possible, or refuses the record with its fault."""
        small = record if len(record) <= RECORD_BYTES_MAX else mended_record(record)
        if small is None or len(small) > RECORD_BYTES_MAX:
            fault = Fault("record_too_large", f"A record holds at most {RECORD_BYTES_MAX:,} bytes.")
            self.refused.append(refused_text(index, fault, record))
            return
        read = read_event(small)
        if isinstance(read, Fault):
            self.refused.append(_refused(index, read, record))
        else:
            self.events.append(read)
            self.indexes.append(index)

    def refuse_data(self, index: int, fault: Fault, data: dict[str, Any]) -> None:
        """Refuses a record in its native form, which is kept."""
        try:
            self.refused.append(_refused(index, fault, json.dumps(data).encode()))
        except RecursionError:
            self.refused.append(refused_text(index, TOO_DEEP, str(index).encode()))

    def take_data(self, index: int, data: object) -> None:
        """As `take_json`, through JSON text, so that a record means the same in every format."""
        try:
            record = json.dumps(data).encode()
        except RecursionError:
            self.refused.append(refused_text(index, TOO_DEEP, str(index).encode()))
        else:
            self.take_json(index, record)

    def object_of(self, index: int, record: object) -> dict[str, Any] | None:
        """The data of a record, given as data or as the bytes of its JSON; None when it is refused because it is not a
        JSON object.
        """
        data = record
        if isinstance(record, bytes):
            try:
                data = json.loads(record)
            except (ValueError, RecursionError):
                fault = Fault("malformed_json", "The line is not valid JSON.")
                self.refused.append(refused_text(index, fault, record))
                return None
        if not isinstance(data, dict):
            self.refuse(index, Fault("not_an_object", "The record must be a JSON object."), data)
            return None
        return data

    def refuse(self, index: int, fault: Fault, record: object = None) -> None:
        """Refuses a record that cannot be translated into an event; only its digest and length are kept."""
        try:
            raw = json.dumps(record, default=repr).encode()
        except RecursionError:
            raw = str(index).encode()
        self.refused.append(refused_text(index, fault, raw))


def _refused(index: int, fault: Fault, record: bytes) -> RefusedRecord:
    try:
        data = json.loads(record)
        # What does not fit is kept as it would be recorded, so that a replay finds it.
        return refused_data(index, fault, (mended(data) or data) if isinstance(data, dict) else data, record)
    except (ValueError, RecursionError):
        return refused_text(index, fault, record)


def json_records(body: bytes, *, records_max: int | None = None) -> Iterator[tuple[Any, str]]:
    """Each record of a JSON array, or the only object, with its own text. Records are decoded one at a time, so that a
    malformed body takes no more memory than a valid one. Lone surrogates and NaN pass here and are refused with their
    record. Raises MalformedBody where the JSON breaks off, and TooManyRecords: use no record before all have been read.
    """
    try:
        text = body.decode("utf-8-sig")
        start = _after_space(text, 0)
        if text[start : start + 1] == "{":
            yield _only(text, start)
        elif text[start : start + 1] == "[":
            yield from _items(text, start + 1, records_max)
        elif start == len(text):
            raise MalformedBody("The body is empty; send JSON.", code="body_empty")
        else:
            _only(text, start)
            raise MalformedBody("The body holds neither an object nor an array of objects.")
    except RecursionError:
        raise MalformedBody("The JSON is nested too deeply.", code="json_too_deep") from None
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.", code="unicode_invalid") from None
    except ValueError as problem:
        reason = f": {problem.msg}, at character {problem.pos}" if isinstance(problem, json.JSONDecodeError) else ""
        raise MalformedBody(f"The body is not JSON{reason}.") from None


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _only(text: str, start: int) -> tuple[Any, str]:
    value, end = _decoded(text, start)
    if _after_space(text, end) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value, text[start:end]


def _decoded(text: str, start: int) -> tuple[Any, int]:
    return _DECODER.raw_decode(text, start)


def _items(text: str, position: int, records_max: int | None) -> Iterator[tuple[Any, str]]:
    position = _after_space(text, position)
    count = 0
    more = text[position : position + 1] != "]"
    while more:
        count += 1
        if records_max is not None and count > records_max:
            raise too_many(records_max)
        value, end = _decoded(text, position)
        yield value, text[position:end]
        position = _after_space(text, end)
        more = text[position : position + 1] == ","
        if more:
            position = _after_space(text, position + 1)
    if text[position : position + 1] != "]":
        raise json.JSONDecodeError("Expecting ',' delimiter", text, position)
    if _after_space(text, position + 1) != len(text):
        raise json.JSONDecodeError("Extra data", text, position + 1)


def too_many(records_max: int) -> TooManyRecords:
    """The error for a request with more records than allowed."""
    return TooManyRecords(f"A request holds at most {records_max:,} records; split it.", max_records=records_max)
