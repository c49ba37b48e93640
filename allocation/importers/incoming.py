"""What came in, sorted: events ready to be costed and records that did not become one."""

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from allocation.documents.events import READ_EVENT, Fault, UsageEvent, fault_of
from allocation.operations.quarantine import RefusedRecord, refused_data, refused_text
from governance.errors import Invalid


class MalformedBody(Invalid):
    code = "malformed_json"
    status = 400


class TooManyRecords(Invalid):
    code = "batch_too_large"
    status = 413


@dataclass(slots=True)
class Incoming:
    """`indexes` are the events' places in what was sent."""

    events: list[UsageEvent] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    refused: list[RefusedRecord] = field(default_factory=list)

    def take_json(self, index: int, record: bytes) -> None:
        try:
            event = READ_EVENT(record)
        except ValidationError as problem:
            self.refused.append(_refused(index, fault_of(problem), record))
        else:
            self.events.append(event)
            self.indexes.append(index)

    def take_data(self, index: int, data: object) -> None:
        """Goes through JSON text, so that a record means the same whichever way it came."""
        self.take_json(index, json.dumps(data).encode())

    def refuse(self, index: int, fault: Fault, record: object = None) -> None:
        """For a record that cannot even be translated; nothing of it is kept."""
        self.refused.append(refused_text(index, fault, json.dumps(record, default=repr).encode()))


def _refused(index: int, fault: Fault, record: bytes) -> RefusedRecord:
    try:
        return refused_data(index, fault, json.loads(record), record)
    except (ValueError, RecursionError):
        return refused_text(index, fault, record)


def lenient_json(body: bytes) -> Any:
    """JSON as senders write it: lone surrogates and NaN pass here and are refused record by record."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    except RecursionError:
        raise MalformedBody("The JSON is nested too deeply.", code="json_too_deep") from None
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.", code="invalid_unicode") from None
    except ValueError as problem:
        reason = f": {problem.msg}, at byte {problem.pos}" if isinstance(problem, json.JSONDecodeError) else ""
        raise MalformedBody(f"The body is not JSON{reason}.") from None


def records_of(data: object) -> list[Any]:
    """A single object stands for an array of one."""
    if isinstance(data, dict):
        return [data]
    if isinstance(data, list):
        return data
    raise MalformedBody("The body holds neither an object nor an array of objects.")
