from typing import Any

from rest_framework.test import APIClient

from allocation.usage.importers.otlp.reading import read_traces
from allocation.usage.importers.otlp.signals import Encoding
from tests.allocation.otlp_bodies import as_protobuf, chat, request, span

MEGABYTE = 1024 * 1024


PATH = "/api/v1/otlp/v1/traces"


def post(sender: APIClient, body: bytes, kind: str = "application/json", **headers: str) -> Any:
    return sender.generic("POST", PATH, body, kind, headers=headers)


def read(body: bytes, encoding: Encoding, records_max: int = 1000) -> Any:
    return read_traces(body, encoding=encoding, records_max=records_max, price="catalogue")


def field(number: int, content: bytes) -> bytes:
    """One length-delimited field, by hand."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    return bytes([*octets, number])


def nested(spans: str) -> bytes:
    return f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":{spans}}}]}}]}}'.encode()


GOOD = as_protobuf(request(span(1, chat())))


ODD: list[Any] = [None, 7, -1, 1e999, "", "x" * 300, True, [], {}, [[]], {"a": {}}, "\ud83d", "\0"]
