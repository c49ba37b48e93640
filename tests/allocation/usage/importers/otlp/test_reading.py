"""OTLP traces in: what becomes a usage event, what it says, and what the sender is answered."""

import gzip
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.models import UsageDay, UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM, rolled_up
from tests.allocation.otlp_bodies import NOW, PROTOBUF, TRACE, as_json, as_protobuf, chat, request, span
from tests.allocation.usage.importers.otlp.read import PATH, PROMPT, TEXTS, events_of, post


def test_attributes_of_resource_and_span_lead_to_a_scope_by_rules() -> None:
    (event,) = events_of(
        span(1, chat(**{"weir.feature": "ranking", "weir.beta": True, "weir.long": "x" * 201, "user.id": "ada"})),
        **{"weir.team": "search", "deployment.environment.name": "production", "host.name": "not read"},
    )
    person = (event.attributes or {}).pop("end_user")
    assert event.attributes == {
        "service": "shop", "environment": "production", "team": "search", "feature": "ranking", "beta": "true",
        "long": f"{'x' * 175}~b4f3c3f80194e6ba8cbe7943",
    }  # fmt: skip
    assert event.mended == ("attributes",)
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


def test_no_key_no_usage(acme: Scope) -> None:
    refused = APIClient().generic("POST", PATH, as_protobuf(request()), PROTOBUF)
    assert (refused.status_code, refused["Content-Type"]) == (401, PROTOBUF)
    assert b"not_authenticated" in refused.content
    assert json.loads(APIClient().generic("POST", PATH, b"{}", "application/json").content)["code"] == (
        "not_authenticated"
    )


# --- laws ---------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*chat(), "gen_ai.usage.cache_read.input_tokens", "gen_ai.agent.name", "weir.team", "other"])


VALUES = st.one_of(
    TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)


SPANS = st.builds(
    lambda number, told, parent, kind, name: span(number, told, parent=parent, kind=kind, name=name),
    st.integers(1, 9), st.dictionaries(NAMES, VALUES, max_size=8), st.integers(0, 9),
    st.sampled_from(["internal", "client"]), TEXTS,
)  # fmt: skip


@pytest.mark.long
@given(st.lists(SPANS, max_size=6))
def test_both_encodings_say_the_same(spans: list[dict[str, Any]]) -> None:
    """`events_of` compares them: events, and what was refused and why."""
    taken = events_of(*spans)
    assert len(taken) <= len(spans)


@pytest.mark.long
@given(st.permutations([*an_agents_trace("client"), span(9, AGENT, kind="client")]))
def test_the_order_of_spans_says_nothing(spans: list[dict[str, Any]]) -> None:
    by_id = {event.id: event for event in events_of(*spans)}
    assert by_id == {event.id: event for event in events_of(*an_agents_trace("client"), span(9, AGENT, kind="client"))}
