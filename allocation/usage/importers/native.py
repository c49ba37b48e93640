"""Reads native usage events: a JSON array, one JSON object, or one JSON object per line."""

import io
from codecs import BOM_UTF8

from allocation.usage.importers.incoming import Incoming, MalformedBody, json_records, too_many


def read_json(body: bytes, *, records_max: int) -> Incoming:
    """Reads an array or one object. Raises MalformedBody, and TooManyRecords above `records_max`."""
    incoming = Incoming()
    for index, (_, text) in enumerate(json_records(body, records_max=records_max)):
        incoming.take_json(index, text.encode("utf-8", "surrogatepass"))
    return incoming


def read_ndjson(body: bytes, *, records_max: int) -> Incoming:
    """Reads one object per line. `index` counts lines from 0; empty lines are skipped. Raises MalformedBody
    (`body_empty`), and TooManyRecords above `records_max`.
    """
    incoming = Incoming()
    count = 0
    for index, line in enumerate(io.BytesIO(body.removeprefix(BOM_UTF8))):
        if line.isspace():
            continue
        count += 1
        if count > records_max:
            raise too_many(records_max)
        incoming.take_json(index, line)
    if not count:
        raise MalformedBody("The body is empty; send one JSON object per line.", code="body_empty")
    return incoming
