"""OTLP traces in: what becomes a usage event, what it says, and what the sender is answered."""

import gzip
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from rest_framework.test import APIClient

from allocation.meters.documents import UsageEvent
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.importers.otlp.reading import read_traces
from allocation.usage.models import UsageDay, UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM, Client, rolled_up
from tests.allocation.otlp_bodies import NOW, PROTOBUF, TRACE, as_json, as_protobuf, chat, request, span
from tests.allocation.usage.importers.test_litellm import everything_stored

PATH = "/api/v1/otlp/v1/traces"
PROMPT = "a prompt that only its author may read"


@pytest.fixture
def sender(acme: Scope, client_of: Client) -> APIClient:
    return client_of(acme, "usage:write", "usage:read")


def post(sender: APIClient, body: dict[str, Any], *, protobuf: bool = False, query: str = "") -> Any:
    packed, kind = (as_protobuf(body), PROTOBUF) if protobuf else (as_json(body), "application/json")
    return sender.generic("POST", PATH + query, packed, kind)


def events_of(*spans: dict[str, Any], price: Any = "catalogue", **resource: Any) -> list[UsageEvent]:
    body = request(*spans, resource=resource)
    read = [
        read_traces(packed, encoding=encoding, records_max=1000, price=price)
        for packed, encoding in ((as_json(body), "json"), (as_protobuf(body), "protobuf"))
    ]
    assert read[0].events == read[1].events
    assert [(one.index, one.fault) for one in read[0].refused] == [(one.index, one.fault) for one in read[1].refused]
    return read[0].events


def event_of(attributes: dict[str, Any], **more: Any) -> UsageEvent:
    (event,) = events_of(span(1, attributes, **more))
    return event


def test_a_chat_span_is_one_event() -> None:
    event = event_of(
        chat(
            **{
                "gen_ai.usage.cache_read.input_tokens": 400,
                "gen_ai.usage.cache_creation.input_tokens": 50,
                "gen_ai.usage.reasoning.output_tokens": 20,
                "gen_ai.conversation.id": "conversation-9",
                "gen_ai.agent.name": "planner",
                "gen_ai.input.messages": PROMPT,
            }
        ),
        at=NOW + timedelta(microseconds=123_456),
    )
    assert event.model_dump(exclude_defaults=True) == {
        "id": f"{TRACE}-0000000000000001",
        "source": "otlp",
        "occurred_at": NOW + timedelta(microseconds=123_456),
        "provider": "openai",
        "model": "gpt-4o",
        "tokens": {"input": 1000, "cached_input": 400, "cache_write": 50, "output": 100, "reasoning": 20},
        "attributes": {"service": "shop", "agent": "planner"},
        "task_id": TRACE,
        "session_id": "conversation-9",
        "latency_ms": 250,
    }


OLD = {"gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.prompt_tokens": 7}


@pytest.mark.parametrize(
    ("attributes", "more", "field", "wanted"),
    [
        pytest.param(OLD | {"gen_ai.usage.completion_tokens": 3}, {}, "tokens.output", 3, id="old names of tokens"),
        pytest.param(OLD, {}, "provider", "openai", id="the old name of the provider, in capitals"),
        pytest.param(OLD, {}, "operation", "chat", id="no operation named"),
        pytest.param(OLD | {"llm.request.type": "completion"}, {}, "operation", "completion", id="named the old way"),
        pytest.param(
            chat(gen_ai__response__model="gpt-4o-2024-08-06"), {}, "model", "gpt-4o-2024-08-06", id="the answer's model"
        ),
        pytest.param(chat(gen_ai__response__model=""), {}, "model", "gpt-4o", id="no model answered"),
        pytest.param(chat(gen_ai__provider__name="aws.bedrock"), {}, "provider", "bedrock", id="one name a provider"),
        pytest.param(chat(gen_ai__provider__name="azure.ai.openai"), {}, "provider", "azure", id="Azure's models"),
        pytest.param(chat(openai__response__service_tier="default"), {}, "service_tier", "standard", id="default tier"),
        pytest.param(
            chat(gen_ai__openai__request__service_tier="flex", openai__response__service_tier="priority"),
            {}, "service_tier", "priority", id="the tier that served",
        ),
        pytest.param(chat(), {"failed": True}, "status", "error", id="a failed span"),
        pytest.param(chat(error__type="timeout"), {}, "status", "error", id="a type of error"),
        pytest.param(
            chat(gen_ai__usage__cache_read__input_tokens=4000), {}, "tokens.input", 5000, id="cached beside the input"
        ),
        pytest.param(chat(weir__scope="acme/search"), {}, "scope", "acme/search", id="scope said outright"),
        pytest.param(chat(weir__task_id="task-7"), {}, "task_id", "task-7", id="task said outright"),
        pytest.param(chat(), {"lasted_ms": -1}, "latency_ms", None, id="ended before it began"),
        pytest.param(
            chat(), {"startTimeUnixNano": "1795481345446244864"}, "occurred_at.microsecond", 446_245,
            id="nearest microsecond",
        ),
    ],
)  # fmt: skip
def test_ways_of_saying_it(attributes: dict[str, Any], more: dict[str, Any], field: str, wanted: object) -> None:
    found: Any = event_of(attributes, **more)
    for name in field.split("."):
        found = getattr(found, name)
    assert found == wanted


def test_attributes_of_resource_and_span_lead_to_a_scope_by_rules() -> None:
    (event,) = events_of(
        span(1, chat(**{"weir.feature": "ranking", "weir.beta": True, "weir.long": "x" * 201, "user.id": "ada"})),
        **{"weir.team": "search", "deployment.environment.name": "production", "host.name": "not read"},
    )
    person = (event.attributes or {}).pop("end_user")
    assert event.attributes == {
        "service": "shop", "environment": "production", "team": "search", "feature": "ranking", "beta": "true",
    }  # fmt: skip
    assert len(person) == 24


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"http.request.method": "POST", "http.route": "/v1/chat/completions"}, id="a web server's"),
        pytest.param({"gen_ai.request.model": "gpt-4o", "litellm.guardrail.name": "g"}, id="a guardrail's"),
        pytest.param({"gen_ai.provider.name": "openai"}, id="a provider and nothing that shows a call"),
        pytest.param({"mcp.method.name": "tools/list", "litellm.call_id": "c"}, id="a list of tools"),
        pytest.param({}, id="without attributes"),
    ],
)
def test_other_spans_are_passed_over(attributes: dict[str, Any]) -> None:
    assert events_of(span(1, attributes)) == []


AGENT = {
    "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner", "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 2000, "gen_ai.usage.output_tokens": 200,
}  # fmt: skip
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.call.arguments": PROMPT}
SEARCHES = {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": "docs", "gen_ai.provider.name": "openai"}


def an_agents_trace(kind: str) -> list[dict[str, Any]]:
    """A workflow that calls an agent, which calls a model twice, a tool and a search with an embedding; the agent
    states the sum of its calls.
    """
    embeds = chat(gen_ai__operation__name="embeddings", gen_ai__request__model="text-embedding-3-small")
    embeds |= {"gen_ai.response.model": "text-embedding-3-small", "gen_ai.usage.output_tokens": 0}
    return [
        span(1, {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "answer"}, kind="internal"),
        span(2, AGENT, parent=1, kind=kind),
        span(3, {"http.request.method": "POST"}, parent=2),
        span(4, chat(), parent=3),
        span(5, chat(), parent=2),
        span(6, TOOL, parent=2, kind="internal"),
        span(7, SEARCHES, parent=6),
        span(8, embeds, parent=7),
    ]


@pytest.mark.parametrize("kind", ["internal", "client"])
@pytest.mark.parametrize("protobuf", [False, True])
def test_what_an_agent_states_of_its_calls_is_not_counted_again(sender: APIClient, kind: str, protobuf: bool) -> None:
    assert post(sender, request(*an_agents_trace(kind)), protobuf=protobuf).status_code == 200
    assert post(sender, request(*reversed(an_agents_trace(kind))), protobuf=not protobuf).status_code == 200
    rows = UsageRecord.objects.order_by("event_id")
    assert [
        (row.operation, row.provider, row.model, row.input_tokens, row.output_tokens, row.cost) for row in rows
    ] == [
        ("invoke_workflow", "workflow", "answer", 0, 0, Decimal(0)),
        ("invoke_agent", "agent", "planner", 0, 0, Decimal(0)),
        ("chat", "openai", "gpt-4o", 1000, 100, Decimal("0.0035")),
        ("chat", "openai", "gpt-4o", 1000, 100, Decimal("0.0035")),
        ("execute_tool", "tool", "search", 0, 0, Decimal(0)),
        ("retrieval", "retrieval", "docs", 0, 0, Decimal(0)),
        ("embeddings", "openai", "text-embedding-3-small", 1000, 0, Decimal("0.00002")),
    ]
    minutes, hours, days, records = rolled_up()
    assert minutes == hours == days == records
    assert (days["input_tokens"], days["cost"], days["unpriced_requests"]) == (3000, Decimal("0.00702"), 0)
    assert {row.task_id for row in rows} == {TRACE}


@pytest.mark.parametrize("order", ["agent first", "calls first"])
def test_an_agent_within_the_process_is_not_counted_again_in_a_request_of_its_own(
    sender: APIClient, order: str
) -> None:
    trace = an_agents_trace("internal")
    requests = [request(*trace[:2]), request(*trace[2:])]
    for body in requests if order == "agent first" else reversed(requests):
        assert post(sender, body).json() == {}
    assert sum(UsageDay.objects.values_list("input_tokens", flat=True)) == 3000


def test_an_agent_that_runs_elsewhere_keeps_its_own_tokens() -> None:
    """Nothing beneath it tells of them: the calls were made where no span of this trace comes from."""
    remote, tool = events_of(span(1, AGENT, kind="client"), span(2, TOOL, parent=1))
    assert (remote.provider, remote.model, remote.tokens.input, remote.cost) == ("openai", "gpt-4o", 2000, None)
    assert (tool.provider, tool.tokens.input) == ("tool", 0)


def test_a_circle_of_parents_ends() -> None:
    assert len(events_of(span(1, chat(), parent=2), span(2, AGENT, parent=1), span(3, chat(), parent=2))) == 3


def test_the_answer_is_otlps_in_the_encoding_of_the_question(sender: APIClient) -> None:
    body = request(span(1, chat()), span(2, {"http.route": "/"}), span(3, chat(), at=NOW + timedelta(days=1)))
    plain = post(sender, body)
    assert (plain.status_code, plain["Content-Type"]) == (200, "application/json")
    assert plain.json() == {
        "partialSuccess": {
            "rejectedSpans": "1",
            "errorMessage": "Waiting in quarantine: occurred_in_future 1. Span 2: occurred_at is in the future.",
        }
    }
    packed = post(sender, body, protobuf=True)
    assert (packed.status_code, packed["Content-Type"]) == (200, PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(packed.content).partial_success
    assert (partial.rejected_spans, partial.error_message) == (1, plain.json()["partialSuccess"]["errorMessage"])
    assert [(row.code, row.source_format, row.seen_count) for row in QuarantinedUsage.objects.all()] == [
        ("occurred_in_future", "otlp", 2)
    ]
    assert UsageRecord.objects.count() == 1


@pytest.mark.parametrize("protobuf", [False, True])
def test_all_taken_answers_an_empty_message(sender: APIClient, protobuf: bool) -> None:
    for body in (request(span(1, chat())), request(), {}):
        answer = post(sender, body, protobuf=protobuf)
        assert (answer.status_code, answer.content) == (200, b"" if protobuf else b"{}")


def test_a_quarantined_span_can_be_replayed(sender: APIClient) -> None:
    post(sender, request(span(1, chat(weir__scope="acme/later"))))
    assert QuarantinedUsage.objects.get().code == "scope_unknown"
    QuarantinedUsage.objects.update(payload={**QuarantinedUsage.objects.get().payload, "scope": "acme/search"})
    assert replay_quarantined(actor=SYSTEM, at=NOW + timedelta(minutes=1)).accepted == 1
    assert UsageRecord.objects.get().cost == Decimal("0.0035")


@pytest.mark.parametrize("protobuf", [False, True])
def test_a_packed_body_is_unpacked(sender: APIClient, protobuf: bool) -> None:
    body = request(span(1, chat()))
    packed = gzip.compress(as_protobuf(body) if protobuf else as_json(body))
    kind = PROTOBUF if protobuf else "application/json"
    answer = sender.generic("POST", PATH, packed, kind, headers={"Content-Encoding": "gzip", "Accept": PROTOBUF})
    assert (answer.status_code, UsageRecord.objects.count()) == (200, 1)


@pytest.mark.parametrize(("query", "cost"), [("", "0.0035"), ("?price=billed", "0.25")])
def test_a_stated_cost_counts_when_asked_for(sender: APIClient, query: str, cost: str) -> None:
    post(sender, request(span(1, chat(gen_ai__usage__cost=0.25))), query=query)
    assert UsageRecord.objects.get().cost == Decimal(cost)


def test_base64_and_hexadecimal_ids_name_the_same_span() -> None:
    plain = as_json(request(span(1, chat())))
    other = plain.replace(TRACE.encode(), b"W47/95gDgQPSabYzgT/GDA==").replace(b"0000000000000001", b"AAAAAAAAAAE=")
    first, second = (read_traces(body, encoding="json", records_max=9, price="catalogue") for body in (plain, other))
    assert first.events == second.events != []


def test_no_text_of_a_span_is_stored(sender: APIClient) -> None:
    told = chat(
        gen_ai__prompt=PROMPT, gen_ai__input__messages=PROMPT, gen_ai__tool__call__result=PROMPT, error__message=PROMPT,
    ) | {"gen_ai.prompt.0.content": PROMPT, "input.value": PROMPT}  # fmt: skip
    event = {"name": "exception", "timeUnixNano": "1", "attributes": [{"key": "m", "value": {"stringValue": PROMPT}}]}
    good = span(1, told, events=[event], name=PROMPT, status={"code": 1, "message": PROMPT})
    bad = span(2, {**told, "gen_ai.request.model": "", "gen_ai.response.model": ""}, events=[event])
    for protobuf in (False, True):
        answer = post(sender, request(good, bad, resource={"process.command_args": PROMPT}), protobuf=protobuf)
        assert answer.status_code == 200
        assert PROMPT.encode() not in answer.content
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.get().code) == (1, "invalid_value")
    assert PROMPT not in everything_stored()


def test_no_key_no_usage(acme: Scope) -> None:
    refused = APIClient().generic("POST", PATH, as_protobuf(request()), PROTOBUF)
    assert (refused.status_code, refused["Content-Type"]) == (401, PROTOBUF)
    assert b"not_authenticated" in refused.content
    assert json.loads(APIClient().generic("POST", PATH, b"{}", "application/json").content)["code"] == (
        "not_authenticated"
    )


# --- laws ---------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*chat(), "gen_ai.usage.cache_read.input_tokens", "gen_ai.agent.name", "weir.team", "other"])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.one_of(
    TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
SPANS = st.builds(
    lambda number, told, parent, kind, name: span(number, told, parent=parent, kind=kind, name=name),
    st.integers(1, 9), st.dictionaries(NAMES, VALUES, max_size=8), st.integers(0, 9),
    st.sampled_from(["internal", "client"]), TEXTS,
)  # fmt: skip
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(st.lists(SPANS, max_size=6))
def test_both_encodings_say_the_same(spans: list[dict[str, Any]]) -> None:
    """`events_of` compares them: events, and what was refused and why."""
    taken = events_of(*spans)
    assert len(taken) <= len(spans)


@given(st.permutations([*an_agents_trace("client"), span(9, AGENT, kind="client")]))
def test_the_order_of_spans_says_nothing(spans: list[dict[str, Any]]) -> None:
    by_id = {event.id: event for event in events_of(*spans)}
    assert by_id == {event.id: event for event in events_of(*an_agents_trace("client"), span(9, AGENT, kind="client"))}


@given(st.dictionaries(TEXTS, JSON_VALUES, max_size=4), st.sampled_from([None, 0, 3]))
def test_whatever_else_the_json_holds_its_spans_are_found(around: dict[str, Any], indent: int | None) -> None:
    body = request(span(1, chat()), {**around, **span(2, chat())})
    (resource_spans,) = body["resourceSpans"]
    (scope_spans,) = resource_spans["scopeSpans"]
    placed = {
        **around,
        "resourceSpans": [
            {
                **around,
                "scopeSpans": [{**around, "spans": scope_spans["spans"]}],
                "resource": resource_spans["resource"],
            }
        ],
    }
    for found in (body, placed):
        raw = json.dumps(found, indent=indent, ensure_ascii=indent is None).encode("utf-8", "surrogatepass")
        incoming = read_traces(raw, encoding="json", records_max=9, price="catalogue")
        assert [(event.id[-1], (event.attributes or {})["service"]) for event in incoming.events] == [
            ("1", "shop"), ("2", "shop"),
        ]  # fmt: skip
