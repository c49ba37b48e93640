"""Spans of one call that come in requests of their own, in any order, count as they do in one request."""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.corrections.operations import take_back_repeated_calls
from allocation.usage.importers.otlp.reading import read_traces
from allocation.usage.importers.otlp.signals import Encoding
from allocation.usage.models import TracedSpan, UsageDay, UsageRecord
from allocation.usage.operations import record_usage
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, Client, make_organisation, needs_shared_data
from tests.allocation.otlp_bodies import NOW, as_json, as_protobuf, chat, pairs, span
from tests.allocation.usage.importers.otlp import captured
from tests.allocation.usage.importers.otlp.read import post

Spans = Sequence[tuple[str, dict[str, Any]]]
COUNTED = (
    "requests", "errors", "unpriced_requests", "input_tokens", "cached_input_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens", "cost",
)  # fmt: skip
CAPTURED_AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
ELSEWHERE = "0af7651916cd43dd8448eb211c80319c"
RESPONSE = "chatcmpl-CkS1xo3vTz0eJ7pQdW9aLm4b"
OTHER_RESPONSE = "chatcmpl-CkS1xo3vTz0eJ7pQdW9aLm4c"


def body_of(*spans: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """By instrumentation, its span."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": pairs({"service.name": "shop"})},
                "scopeSpans": [{"scope": {"name": name}, "spans": [one]} for name, one in spans],
            }
        ]
    }


def counted(path: str = "acme") -> dict[tuple[str, str], tuple[Any, ...]]:
    """What counts, by provider and model, after corrections."""
    take_back_repeated_calls(at=NOW)
    totals: dict[tuple[str, str], list[Any]] = {}
    for row in UsageDay.objects.filter(scope__path__startswith=path).values("provider", "model", *COUNTED):
        total = totals.setdefault((row["provider"], row["model"]), [0] * len(COUNTED))
        for place, name in enumerate(COUNTED):
            total[place] += row[name]
    return {key: tuple(total) for key, total in totals.items() if any(total)}


def framework(**told: Any) -> dict[str, Any]:
    return chat(gen_ai__response__id="", **told)


def at(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


CASES: dict[str, tuple[Spans, int, int]] = {
    # name: spans by instrumentation, the calls that they are, and their tokens in.
    "the answer's id in traces of their own": (
        [
            ("framework", span(1, chat(gen_ai__response__id=RESPONSE))),
            ("sdk", span(2, chat(gen_ai__response__id=RESPONSE), trace_id=ELSEWHERE)),
        ], 1, 1000,
    ),
    "the answer's id, and one of them counted wrongly": (
        [
            ("sdk", span(2, chat(gen_ai__response__id=RESPONSE), parent=1)),
            ("framework", span(1, chat(gen_ai__response__id=RESPONSE, gen_ai__usage__output_tokens=99))),
        ], 1, 1000,
    ),
    "a framework around its client": (
        [("framework", span(1, framework())), ("sdk", span(2, chat(), parent=1))], 1, 1000,
    ),
    "three of them": (
        [
            ("agents", span(1, framework())), ("framework", span(2, framework(), parent=1)),
            ("sdk", span(3, chat(gen_ai__response__id=RESPONSE), parent=2)),
        ], 1, 1000,
    ),
    "the client says more": (
        [
            ("framework", span(1, framework())),
            ("sdk", span(2, chat(gen_ai__usage__cache_read__input_tokens=400), parent=1)),
        ], 1, 1000,
    ),
    "the framework says no tokens": (
        [
            ("framework", span(1, framework(gen_ai__usage__input_tokens=0, gen_ai__usage__output_tokens=0))),
            ("sdk", span(2, chat(), parent=1)),
        ], 1, 1000,
    ),
    "a step between them": (
        [
            ("framework", span(1, framework())),
            ("framework", span(2, {"openinference.span.kind": "CHAIN"}, parent=1, kind="internal")),
            ("sdk", span(3, chat(), parent=2)),
        ], 1, 1000,
    ),
    "an agent's sum above its calls": (
        [
            ("agents", span(1, chat(gen_ai__operation__name="agent_run", gen_ai__usage__input_tokens=2000))),
            ("sdk", span(2, chat(gen_ai__response__id=RESPONSE), parent=1)),
            ("sdk", span(3, chat(gen_ai__response__id=OTHER_RESPONSE), parent=1, at=at(1))),
        ], 2, 2000,
    ),
    "around each other, without a context": (
        [
            ("framework", span(1, framework(), lasted_ms=900)),
            ("sdk", span(2, chat(), trace_id=ELSEWHERE, at=at(0.1))),
        ], 1, 1000,
    ),
    "two at once, without a context": (
        [
            ("framework", span(1, framework(), lasted_ms=900)), ("framework", span(3, framework(), lasted_ms=900)),
            ("sdk", span(2, chat(), trace_id=ELSEWHERE, at=at(0.1))),
            ("sdk", span(4, chat(), trace_id=ELSEWHERE, at=at(0.2))),
        ], 2, 2000,
    ),
    "a framework that tried twice": (
        [
            ("framework", span(1, framework(), lasted_ms=3000)), ("sdk", span(2, chat(), parent=1)),
            ("sdk", span(3, chat(), parent=1, at=at(1))),
        ], 2, 2000,
    ),
    "parallel calls with the same counts": (
        [
            ("sdk", span(2, chat(gen_ai__response__id=RESPONSE), parent=1)),
            ("sdk", span(3, chat(gen_ai__response__id=OTHER_RESPONSE), parent=1)),
            ("sdk", span(4, chat(), parent=1)),
        ], 3, 3000,
    ),
    "a short id of a local server in two traces": (
        [
            ("sdk", span(1, chat(gen_ai__response__id="chatcmpl-7"))),
            ("sdk", span(2, chat(gen_ai__response__id="chatcmpl-7"), trace_id=ELSEWHERE, at=at(1))),
        ], 2, 2000,
    ),
    "a call within a call": (
        [("framework", span(1, chat(gen_ai__usage__input_tokens=7))), ("sdk", span(2, chat(), parent=1))], 2, 1007,
    ),
}  # fmt: skip


def forwards(spans: Spans) -> Spans:
    return spans


def backwards(spans: Spans) -> Spans:
    return spans[::-1]


def shuffled(spans: Spans) -> Spans:
    return random.Random(7).sample(spans, len(spans))


@pytest.mark.parametrize("protobuf", [False, True], ids=["JSON", "protobuf"])
@pytest.mark.parametrize("order", [forwards, backwards, shuffled], ids=lambda order: order.__name__)
@pytest.mark.parametrize("case", CASES)
def test_a_call_counts_once_whichever_span_comes_first(
    sender: APIClient, case: str, order: Callable[[Spans], Spans], *, protobuf: bool
) -> None:
    spans, calls, tokens = CASES[case]
    for one in (*order(spans), *order(spans)):
        assert post(sender, body_of(one), protobuf=protobuf).status_code == 200
    found = counted()

    assert [(told[0], told[3]) for told in found.values()] == [(calls, tokens)]
    assert take_back_repeated_calls(at=NOW) == 0


@pytest.mark.parametrize("case", CASES)
def test_in_one_request_they_are_as_many(sender: APIClient, case: str) -> None:
    spans, calls, tokens = CASES[case]
    post(sender, body_of(*spans))

    assert [(told[0], told[3]) for told in counted().values()] == [(calls, tokens)]


def test_what_says_the_same_is_declined_and_what_says_more_is_corrected(sender: APIClient) -> None:
    """Of repeats the first stands; where the later one decides another price, the first is taken back beside it."""
    outer, plain = ("framework", span(1, framework())), ("sdk", span(2, chat(), parent=1))
    post(sender, body_of(outer))
    post(sender, body_of(plain))
    assert (UsageRecord.objects.count(), take_back_repeated_calls(at=NOW)) == (1, 0)

    cached = chat(gen_ai__usage__cache_read__input_tokens=400)
    post(sender, body_of(("framework", span(3, framework()))))
    post(sender, body_of(("sdk", span(4, cached, parent=3))))
    assert (UsageRecord.objects.count(), take_back_repeated_calls(at=NOW)) == (3, 1)

    assert Adjustment.objects.get().record_occurred_at == NOW
    run = AdjustmentRun.objects.get()
    assert (run.kind, run.records, run.made_by) == ("take_back", 1, "weir")
    assert run.finished_at is not None


def test_another_organisations_spans_are_its_own(sender: APIClient, client_of: Client) -> None:
    post(sender, body_of(("framework", span(1, framework()))))
    post(client_of(make_organisation("globex"), "usage:write"), body_of(("sdk", span(2, chat(), parent=1))))

    assert UsageRecord.objects.count() == 2


def test_spans_without_calls_leave_nothing(sender: APIClient) -> None:
    web = span(1, {"http.request.method": "GET"}, parent=9, kind="server")
    post(sender, body_of(("web", web)))

    assert TracedSpan.objects.count() == 0


def apart(emitter: str) -> Iterator[dict[str, Any]]:
    """Every span that it sent, in a request of its own."""
    for signal, body in captured.bodies(emitter):
        for resource in body["resourceSpans"] if signal == "traces" else ():
            for scope in resource["scopeSpans"]:
                for one in scope["spans"]:
                    yield {"resourceSpans": [{**resource, "scopeSpans": [{**scope, "spans": [one]}]}]}


def tell(scope: Scope, body: dict[str, Any], encoding: Encoding) -> None:
    packed = as_json(body) if encoding == "json" else as_protobuf(body)
    read = read_traces(packed, encoding=encoding, records_max=1_000, price="catalogue")
    record_usage(events=read.events, refused=read.refused, traced=read.traced, key_scope_id=scope.pk, at=CAPTURED_AT)


@needs_shared_data
@pytest.mark.parametrize("emitter", captured.EMITTERS)
def test_span_by_span_everyone_counts_as_in_whole_requests(db: None, emitter: str) -> None:
    """Forwards as JSON, backwards as protobuf."""
    whole, first, last = (
        create_scope(slug=name, kind="organisation", actor=SYSTEM, at=AT) for name in ("whole", "first", "last")
    )
    spans = list(apart(emitter))
    for signal, body in captured.bodies(emitter):
        if signal == "traces":
            tell(whole, body, "json")
    for body in spans:
        tell(first, body, "json")
    for body in spans[::-1]:
        tell(last, body, "protobuf")

    assert (counted("first"), counted("last")) == (counted("whole"), counted("whole"))
