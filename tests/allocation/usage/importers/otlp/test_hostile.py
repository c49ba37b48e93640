"""OTLP bodies that are wrong, or meant to do harm: each a clear answer, in bounded time and memory."""

import gzip
import itertools
import time
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.incoming import RECORD_BYTES_MAX, TooManyRecords
from allocation.usage.importers.otlp.reading import read_logs
from allocation.usage.importers.otlp.signals import Encoding
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import Client
from tests.allocation.otlp_bodies import (
    PROTOBUF,
    TRACE,
    as_json,
    as_protobuf,
    chat,
    log_record,
    logs,
    metrics,
    request,
    span,
)
from tests.allocation.usage.importers.otlp.hostile import GOOD, MEGABYTE, ODD, PATH, field, nested, post, read
from tests.allocation.usage.importers.otlp.test_events import CLAUDE_CALL, CLAUDE_CODE


@pytest.fixture
def sender(acme: Scope, client_of: Client, settings: Any) -> APIClient:
    settings.USAGE_BODY_BYTES_MAX = 2 * MEGABYTE
    return client_of(acme)


MANY_ATTRIBUTES = field(1, field(2, field(2, field(9, b"") * (MEGABYTE // 2))))


DEEP_VALUE = field(9, field(1, b"gen_ai.operation.name") + field(2, field(5, field(1, b"") * (MEGABYTE // 2))))


@pytest.mark.long
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


LOG = log_record("api_request", CLAUDE_CALL)


@pytest.mark.parametrize(
    ("signal", "body"),
    [
        pytest.param("logs", logs(*[LOG] * 11, scope=CLAUDE_CODE), id="events"),
        pytest.param("logs", logs(*[log_record("a line", {})] * 101), id="ten times as many lines"),
        pytest.param("metrics", metrics(*["a.sum"] * 101), id="metrics"),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", PROTOBUF])
def test_more_events_or_metrics_than_a_request_may_hold_are_refused_whole(
    sender: APIClient, settings: Any, signal: str, body: dict[str, Any], kind: str
) -> None:
    settings.USAGE_EVENTS_PER_REQUEST_MAX = 10
    packed = as_protobuf(body) if kind == PROTOBUF else as_json(body)
    answer = sender.generic("POST", f"/api/v1/otlp/v1/{signal}", packed, kind)

    assert (answer.status_code, b"batch_too_large" in answer.content) == (413, True)
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize("signal", ["logs", "metrics"])
@pytest.mark.parametrize("body", [GOOD[:-3], b"\xff" * 9, b"{", b"[]", b""])
def test_a_broken_body_of_any_signal_is_refused_in_kind(sender: APIClient, signal: str, body: bytes) -> None:
    for kind in ("application/json", PROTOBUF):
        answer = sender.generic("POST", f"/api/v1/otlp/v1/{signal}", body, kind)
        assert answer.status_code == (200 if kind == PROTOBUF and not body else 400)


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_an_event_with_a_body_of_megabytes_is_counted_all_the_same(encoding: Encoding) -> None:
    body = logs({**LOG, "body": {"stringValue": "\n\"{['" * MEGABYTE}}, scope=CLAUDE_CODE)
    packed = as_protobuf(body) if encoding == "protobuf" else as_json(body)

    (event,) = read_logs(packed, encoding=encoding, records_max=9, price="catalogue").events
    assert event.tokens.input == 5020


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
        {"weir.scope": "acme/nowhere"},
    ],
)
def test_a_value_that_cannot_be_kept_is_counted_in_partial_success(sender: APIClient, changes: dict[str, Any]) -> None:
    body = request(span(1, chat() | changes), span(2, chat()))
    for packed, kind in ((as_json(body), "application/json"), (as_protobuf(body), PROTOBUF)):
        assert post(sender, packed, kind).status_code == 200
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.get().seen_count) == (1, 2)


@pytest.mark.parametrize(
    ("changes", "stored"),
    [
        (
            {"gen_ai.operation.name": "x" * 200},
            {"operation": f"{'x' * 103}~07470b918212d42a2dee349a", "mended": "operation"},
        ),
        ({"gen_ai.conversation.id": 7.5}, {"session_id": "7.5", "mended": ""}),
        ({"weir.team": "a\tb"}, {"attributes__team": "a b~451cbe45b789d0af5aef8192", "mended": "attributes"}),
    ],
)
def test_a_value_that_neither_identifies_nor_prices_a_call_is_made_to_fit(
    sender: APIClient, changes: dict[str, Any], stored: dict[str, Any]
) -> None:
    body = request(span(1, chat() | changes), span(2, chat()))
    for packed, kind in ((as_json(body), "application/json"), (as_protobuf(body), PROTOBUF)):
        assert post(sender, packed, kind).status_code == 200
    assert not QuarantinedUsage.objects.exists()
    assert list(UsageRecord.objects.order_by("event_id").values(*stored)[:1]) == [stored]
    assert UsageRecord.objects.count() == 2


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
