"""OTLP bodies that are wrong, or meant to do harm: each a clear answer, in bounded time and memory."""

import gzip
import itertools
import json
import time
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.incoming import RECORD_BYTES_MAX, MalformedBody, TooManyRecords
from allocation.usage.importers.otlp.reading import Encoding, read_traces
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import Client
from tests.allocation.otlp_bodies import PROTOBUF, TRACE, as_json, as_protobuf, chat, request, span

MEGABYTE = 1024 * 1024
PATH = "/api/v1/otlp/v1/traces"


@pytest.fixture
def sender(acme: Scope, client_of: Client, settings: Any) -> APIClient:
    settings.USAGE_BODY_BYTES_MAX = 2 * MEGABYTE
    return client_of(acme)


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
MANY_ATTRIBUTES = field(1, field(2, field(2, field(9, b"") * (MEGABYTE // 2))))
DEEP_VALUE = field(9, field(1, b"gen_ai.operation.name") + field(2, field(5, field(1, b"") * (MEGABYTE // 2))))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("json", nested("[" + "{}," * 300_000 + "{}]"), id="a megabyte of empty spans"),
        pytest.param("json", nested('[{"attributes":[' + "{}," * 300_000 + "{}]}]"), id="of empty attributes"),
        pytest.param("json", b'{"resourceSpans":[' + b"{}," * 300_000 + b"{}]}", id="of empty resources"),
        pytest.param("json", b'{"a":[' + b"[],"  * 300_000 + b"[]]}", id="of what is not read"),
        pytest.param("json", nested('[{"name":"' + '\\"' * 400_000 + '"}]'), id="of quotes in a text"),
        pytest.param("protobuf", field(1, field(2, field(2, b"") * (MEGABYTE // 2))), id="of empty spans, packed"),
        pytest.param("protobuf", MANY_ATTRIBUTES, id="of empty attributes, packed"),
        pytest.param("protobuf", field(1, b"") * (MEGABYTE // 2), id="of empty resources, packed"),
        pytest.param("protobuf", field(1, field(2, field(2, DEEP_VALUE))), id="of empty values in a known name"),
    ],
)  # fmt: skip
def test_a_megabyte_of_nothing_takes_a_few_megabytes_and_seconds(encoding: Encoding, body: bytes) -> None:
    tracemalloc.start()
    started = time.process_time()
    with suppress(TooManyRecords):
        assert read(body, encoding).events == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * MEGABYTE
    # A quarter of a second without the tracing.
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("kind", "spans"),
    [("application/json", 1001), (PROTOBUF, 1001)],
)
def test_more_calls_than_a_request_may_hold_are_refused_whole(
    sender: APIClient, settings: Any, kind: str, spans: int
) -> None:
    settings.USAGE_EVENTS_PER_REQUEST_MAX = 1000
    body = request(*(span(number, chat()) for number in range(1, spans + 1)))
    answer = post(sender, as_protobuf(body) if kind == PROTOBUF else as_json(body), kind)
    assert answer.status_code == 413
    assert b"batch_too_large" in answer.content
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 20, len(GOOD) // 2, len(GOOD) - 1])
def test_a_message_cut_off_takes_nothing(sender: APIClient, cut: int) -> None:
    answer = post(sender, GOOD[:cut], PROTOBUF)
    assert (answer.status_code, answer["Content-Type"]) == (400, PROTOBUF)
    assert b"malformed_protobuf: " in answer.content
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff" * 20, id="a number without end"),
        pytest.param(b"\x0b\x0c", id="a group"),
        pytest.param(b"\x02\x00", id="field number 0"),
        pytest.param(b"\x0a\xff\xff\xff\xff\x0f", id="longer than the body"),
        pytest.param(b'{"resourceSpans": []}', id="JSON"),
        pytest.param(field(1, field(2, field(2, field(9, field(1, b"\xff"))))), id="a name that is no UTF-8"),
        pytest.param(
            field(1, field(2, field(2, field(9, field(1, b"gen_ai.system") + field(2, b"\x0a\x02\xff\xfe"))))),
            id="a value that is no UTF-8",
        ),
        pytest.param(gzip.compress(GOOD), id="gzip that does not say so"),
    ],
)
def test_what_is_no_protobuf_is_refused_whole(sender: APIClient, body: bytes) -> None:
    answer = post(sender, GOOD + body, PROTOBUF)
    assert answer.status_code == 400
    assert not UsageRecord.objects.exists()


def test_fields_of_other_types_are_passed_over_as_unknown(sender: APIClient) -> None:
    """`spans` as a number, `trace_id` as a number, `start` as bytes: a later version of the format, for all we know."""
    odd = field(1, field(2, b"\x10\x07" + field(2, b"\x08\x07" + field(7, b"12345678"))))
    answer = post(sender, GOOD + odd, PROTOBUF)
    assert (answer.status_code, answer.content) == (200, b"")
    assert UsageRecord.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", "body_empty", id="nothing"),
        pytest.param(b"  \n", "body_empty", id="space"),
        pytest.param(b"[]", "malformed_json", id="an array"),
        pytest.param(b'"text"', "malformed_json", id="a text"),
        pytest.param(b"{", "malformed_json", id="an opening"),
        pytest.param(b"{}{}", "malformed_json", id="two objects"),
        pytest.param(b'{"resourceSpans"}', "malformed_json", id="a name without a value"),
        pytest.param(b'{"resourceSpans": 7}', "malformed_json", id="a number for a list"),
        pytest.param(b'{"resourceSpans": {}}', "malformed_json", id="an object for a list"),
        pytest.param(b'{"resourceSpans": [7]}', "malformed_json", id="a number for a resource"),
        pytest.param(b'{"resourceSpans": [{}}', "malformed_json", id="brackets that cross"),
        pytest.param(nested("[7]"), "malformed_json", id="a number for a span"),
        pytest.param(nested('[{"name": nul}]'), "malformed_json", id="a span that is no JSON"),
        pytest.param(nested('[{"name": "open}]'), "malformed_json", id="a text that does not end"),
        pytest.param(nested('[{"a": ' + '"\\"' * 9999 + "}]"), "malformed_json", id="quotes and none to end them"),
        pytest.param(nested("[" * 500 + "]" * 500), "json_too_deep", id="nested 500 deep"),
        pytest.param(b'{"a":' * 100_000 + b"}" * 100_000, "json_too_deep", id="nested 100,000 deep"),
        pytest.param(b"\xff\xfe{}", "unicode_invalid", id="not UTF-8"),
    ],
)
def test_what_is_no_otlp_json_is_refused_whole(sender: APIClient, body: bytes, code: str) -> None:
    answer = post(sender, body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == code
    assert answer.json()["message"].startswith(f"{code}: ")
    assert not UsageRecord.objects.exists()


ODD: list[Any] = [None, 7, -1, 1e999, "", "x" * 300, True, [], {}, [[]], {"a": {}}, "\ud83d", "\0"]


@pytest.mark.parametrize(
    "name",
    ["traceId", "spanId", "parentSpanId", "kind", "startTimeUnixNano", "endTimeUnixNano", "status", "attributes"],
)
def test_a_wrong_type_in_some_spans_holds_back_no_other(sender: APIClient, name: str) -> None:
    spans = [{**span(number, chat()), name: odd} for number, odd in enumerate(ODD, start=2)]
    answer = post(sender, as_json(request(*spans, span(1, chat()))))
    assert answer.status_code == 200, answer.content
    assert UsageRecord.objects.filter(event_id__endswith="1").exists()
    refused = {"traceId", "spanId", "startTimeUnixNano"}
    # A wrong kind, end, status, parent or list of attributes is none; nothing is told without attributes.
    taken = 1 if name in {*refused, "attributes"} else 1 + len(ODD)
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.exists()) == (taken, name in refused)


@pytest.mark.parametrize("name", ["stringValue", "intValue", "doubleValue", "boolValue", "arrayValue"])
def test_a_wrong_value_of_an_attribute_holds_back_no_other(sender: APIClient, name: str) -> None:
    keys = [*chat(), "weir.a", "weir.scope", "litellm.call_id", "metadata.usage_object", "hidden_params"]
    spans = [
        {
            **span(number, {}),
            "attributes": [
                *span(number, chat() | {"litellm.call_id": "c"})["attributes"],
                {"key": key, "value": {name: odd}}, odd, {"key": odd}, {"value": odd}, {"key": key, "value": odd},
            ],
        }
        for number, (odd, key) in enumerate(itertools.product(ODD, keys), start=2)
    ]  # fmt: skip
    assert post(sender, as_json(request(*spans, span(1, chat())))).status_code == 200
    assert UsageRecord.objects.filter(event_id=f"{TRACE}-0000000000000001").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"gen_ai.usage.input_tokens": "many"},
        {"gen_ai.usage.input_tokens": -5},
        {"gen_ai.usage.input_tokens": 10**15},
        {"gen_ai.usage.input_tokens": 0.5},
        {"gen_ai.usage.reasoning.output_tokens": True},
        {"gen_ai.request.model": 7, "gen_ai.response.model": 7},
        {"gen_ai.operation.name": "x" * 200},
        {"gen_ai.conversation.id": 7.5},
        {"weir.scope": "acme/nowhere"},
        {"weir.team": "a\tb"},
    ],
)
def test_a_value_that_cannot_be_kept_is_counted_in_partial_success(sender: APIClient, changes: dict[str, Any]) -> None:
    body = request(span(1, chat() | changes), span(2, chat()))
    for packed, kind in ((as_json(body), "application/json"), (as_protobuf(body), PROTOBUF)):
        assert post(sender, packed, kind).status_code == 200
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.get().seen_count) == (1, 2)


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_a_span_with_a_prompt_of_megabytes_is_counted_all_the_same(encoding: Encoding) -> None:
    told = {"gen_ai.input.messages": "\n\"{['" * MEGABYTE, **chat()}
    body = request(span(1, told, events=[{"name": "x" * RECORD_BYTES_MAX}]))
    incoming = read(as_protobuf(body) if encoding == "protobuf" else as_json(body), encoding)
    assert [event.tokens.input for event in incoming.events] == [1000]


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        pytest.param(gzip.compress(b" " * 50 * MEGABYTE), "gzip", 413, "body_too_large", id="a bomb"),
        pytest.param(gzip.compress(GOOD)[:-4], "gzip", 400, "malformed_gzip", id="cut off"),
        pytest.param(GOOD, "gzip", 400, "malformed_gzip", id="no gzip inside"),
        pytest.param(GOOD, "zstd", 415, "unsupported_content_encoding", id="another packing"),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", PROTOBUF])
def test_a_packed_body_that_cannot_be_read_is_refused(
    sender: APIClient, body: bytes, encoding: str, status: int, code: str, kind: str
) -> None:
    answer = post(sender, body, kind, **{"Content-Encoding": encoding})
    assert answer.status_code == status
    assert code.encode() in answer.content
    if kind == PROTOBUF:
        assert answer.content[0] == 0x12
        assert answer.content[-1:] == b"."


@pytest.mark.parametrize("kind", ["text/plain", "application/grpc", "multipart/form-data; boundary=x", ""])
def test_another_content_type_is_refused(sender: APIClient, kind: str) -> None:
    answer = post(sender, GOOD, kind)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_an_unknown_parameter_is_refused(sender: APIClient) -> None:
    refused = sender.generic("POST", f"{PATH}?prise=billed", b"{}", "application/json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "prise")


def test_duplicate_names_are_all_read(sender: APIClient) -> None:
    first, second = (json.dumps(request(span(number, chat()))["resourceSpans"]) for number in (1, 2))
    body = f'{{"resourceSpans": {first}, "other": null, "resourceSpans": {second}, "resourceSpans": null}}'
    assert post(sender, body.encode()).json() == {}
    assert UsageRecord.objects.count() == 2


def test_no_flipped_bit_breaks_the_reader() -> None:
    for place, bit in itertools.product(range(len(GOOD)), range(8)):
        flipped = bytearray(GOOD)
        flipped[place] ^= 1 << bit
        with suppress(MalformedBody):
            assert len(read(bytes(flipped), "protobuf").events) <= 1
