"""CloudEvents 1.0 in structured mode, single or in a batch: `data` is a native usage event. What `data` leaves out of
its identity is taken from the envelope: `id`, `source`, and `time` as `occurred_at`.
"""

import json
from codecs import BOM_UTF8
from typing import Any

from allocation.meters.documents import Fault
from allocation.usage.importers.incoming import RECORD_BYTES_MAX, Incoming, MalformedBody, json_records

TYPE = "weir.usage.v1"
VERSION = "1.0"
REQUIRED = ("id", "source", "type")
_FROM_ENVELOPE = {"id": "id", "source": "source", "occurred_at": "time"}


def read_cloudevent(body: bytes, *, records_max: int) -> Incoming:
    """Reads one event. Raises MalformedBody, also for a batch, which has its own content type."""
    if body.removeprefix(BOM_UTF8).lstrip()[:1] == b"[":
        raise MalformedBody("application/cloudevents+json holds one event; a batch has its own content type.")
    return read_cloudevents(body, records_max=records_max)


def read_cloudevents(body: bytes, *, records_max: int) -> Incoming:
    """Reads a batch. Raises MalformedBody, and TooManyRecords above `records_max`."""
    incoming = Incoming()
    for index, (envelope, text) in enumerate(json_records(body, records_max=records_max)):
        fault = fault_of_envelope(envelope, text)
        if fault is None:
            incoming.take_data(index, event_of(envelope))
        else:
            incoming.refuse(index, fault, text)
    return incoming


def fault_of_envelope(envelope: object, text: str) -> Fault | None:
    """Why the CloudEvent is refused before its data is read; None when it is not. `text` is its JSON."""
    if len(text) > RECORD_BYTES_MAX and not _is_large_by_its_data(envelope):
        return Fault("record_too_large", f"A record holds at most {RECORD_BYTES_MAX:,} bytes.")
    if not isinstance(envelope, dict):
        return Fault("not_an_object", "A CloudEvent must be a JSON object.")
    if envelope.get("specversion") != VERSION:
        return Fault("specversion_unknown", f"specversion must be {VERSION}.", "specversion")
    missing = next((name for name in REQUIRED if not isinstance(envelope.get(name), str) or not envelope[name]), None)
    if missing is not None:
        return Fault("missing_field", f"{missing} is required of every CloudEvent.", missing)
    return _fault_of_content(envelope)


def _is_large_by_its_data(envelope: object) -> bool:
    """Whether it is for the reader of events to say what can be taken of it."""
    if not isinstance(envelope, dict):
        return False
    return len(json.dumps({name: value for name, value in envelope.items() if name != "data"})) <= RECORD_BYTES_MAX


def _fault_of_content(envelope: dict[str, Any]) -> Fault | None:
    if envelope["type"] != TYPE:
        return Fault("event_type_unknown", f"Only events of type {TYPE} are accepted.", "type")
    if not isinstance(envelope.get("data"), dict):
        return Fault("data_missing", "data must be a usage event, as a JSON object.", "data")
    return None


def event_of(envelope: dict[str, Any]) -> dict[str, Any]:
    """The native event: `data`, completed from the envelope."""
    stated = {field: envelope[name] for field, name in _FROM_ENVELOPE.items() if name in envelope}
    return {**stated, **envelope["data"]}
