"""Native usage events as a JSON array, one JSON object, or a JSON object per line."""

import io
from codecs import BOM_UTF8

from allocation.usage.importers.incoming import Incoming, MalformedBody, elements, too_many


def read_json(body: bytes, *, records_max: int) -> Incoming:
    incoming = Incoming()
    for index, (_, text) in enumerate(elements(body, records_max=records_max)):
        incoming.take_json(index, text.encode("utf-8", "surrogatepass"))
    return incoming


def read_ndjson(body: bytes, *, records_max: int) -> Incoming:
    """`index` is the line's, counted from 0; empty lines are passed over."""
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
        raise MalformedBody("The body is empty; JSON lines are wanted.", code="body_empty")
    return incoming
