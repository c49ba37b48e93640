"""Native usage events as a JSON array, one JSON object, or a JSON object per line."""

from pydantic import ValidationError

from allocation.documents.events import EVENTS
from allocation.importers.incoming import Incoming, MalformedBody, TooManyRecords, lenient_json, records_of


def read_json(body: bytes, *, records_max: int) -> Incoming:
    """One call parses and checks a whole array; record by record only when something in it is wrong."""
    if not body.strip():
        raise MalformedBody("The body is empty; JSON is wanted.", code="body_empty")
    try:
        events = EVENTS.validate_json(body)
    except ValidationError:
        return _record_by_record(lenient_json(body), records_max)
    _check_count(len(events), records_max)
    return Incoming(events=events, indexes=list(range(len(events))))


def _record_by_record(data: object, records_max: int) -> Incoming:
    records = records_of(data)
    _check_count(len(records), records_max)
    incoming = Incoming()
    for index, record in enumerate(records):
        incoming.take_data(index, record)
    return incoming


def read_ndjson(body: bytes, *, records_max: int) -> Incoming:
    """`index` is the line's, counted from 0; empty lines are passed over."""
    lines = [(index, line) for index, line in enumerate(body.split(b"\n")) if line and not line.isspace()]
    if not lines:
        raise MalformedBody("The body is empty; JSON lines are wanted.", code="body_empty")
    _check_count(len(lines), records_max)
    incoming = Incoming()
    for index, line in lines:
        incoming.take_json(index, line)
    return incoming


def _check_count(count: int, records_max: int) -> None:
    if count > records_max:
        raise TooManyRecords(f"A request holds at most {records_max:,} records; split it.", max_records=records_max)
