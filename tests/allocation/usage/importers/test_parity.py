"""One call of a LiteLLM proxy, told by its JSON callback and by its spans: the same record, counted once."""

import itertools
import json
from typing import Any

import pytest

from allocation.usage.importers.otlp.reading import read_traces
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import SHARED, Client, needs_shared_data, rolled_up, stored_sums
from tests.allocation.otlp_bodies import PROTOBUF, as_json, as_protobuf, request, span
from tests.allocation.usage.importers.parity import PAYLOAD, PAYLOADS, SPANS, first_set, of_payloads, of_spans

SAMPLES = SHARED / "litellm"


def capture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text())
    return found


@needs_shared_data
@pytest.mark.parametrize("price", ["billed", "catalogue"])
def test_the_captured_spans_and_payloads_are_the_same_events(price: str) -> None:
    payloads: Any = capture("logging_payload_small.json")
    spans = of_spans(capture("otlp_traces_v1.json"), price)
    assert spans == of_payloads(payloads, price)
    assert [(event.status, event.task_id == "agent-session-9") for event in spans.values()] == [
        ("success", True), ("success", False), ("error", False), ("error", False),
    ]  # fmt: skip


@needs_shared_data
def test_the_second_attribute_set_lacks_what_its_proxy_leaves_out_and_nothing_else() -> None:
    """No payload of these calls was captured; the same client's call before them was, so its payload is given their
    id and times. LiteLLM's second set carries no tags and no reasoning tokens.
    """
    spans = of_spans(capture("otlp_traces_v2_2.json"))
    payloads: Any = capture("logging_payload_small.json")
    for payload, event in zip((payloads[0], payloads[2]), spans.values(), strict=True):
        start = event.occurred_at.timestamp()
        end = start + (event.latency_ms or 0) / 1000
        told = {**payload, "litellm_call_id": event.id, "startTime": start, "endTime": end}
        posted = of_payloads([told])[event.id]
        fewer = {name for name, value in posted.attributes.items() if name.startswith("tag.")}  # type: ignore[union-attr]
        wanted = posted.model_dump()
        wanted["attributes"] = {name: value for name, value in wanted["attributes"].items() if name not in fewer}
        wanted["tokens"]["reasoning"] = 0
        if event.status == "error":
            # The proxy's own id for a call without a session is the span's trace.
            wanted["task_id"] = "66952d654601b4dd18c07c4a7842edbe"
        assert event.model_dump() == wanted
    assert of_spans(capture("otlp_traces_v2_1.json")) == of_spans(capture("otlp_traces_v2_3.json")) == {}


@needs_shared_data
@pytest.mark.parametrize("order", [*itertools.permutations(["payloads", "json", "protobuf"])])
def test_whichever_comes_first_the_others_are_repeats(acme: Scope, client_of: Client, order: tuple[str, ...]) -> None:
    sender = client_of(acme)
    spans = capture("otlp_traces_v1.json")
    posts = {
        "payloads": (PAYLOADS, (SAMPLES / "logging_payload_small.json").read_bytes(), "application/json"),
        "json": (SPANS, as_json(spans), "application/json"),
        "protobuf": (SPANS, as_protobuf(spans), PROTOBUF),
    }
    seen = []
    for way in order:
        path, body, kind = posts[way]
        assert sender.generic("POST", f"{path}?price=billed", body, kind).status_code == 200
        seen.append((stored_sums(), list(UsageRecord.objects.order_by("event_id").values())))
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0][1]) == 4
    minutes, *others = rolled_up()
    assert others == [minutes] * 3


def second_set() -> dict[str, Any]:
    return {
        "litellm.call_id": "call-1", "gen_ai.operation.name": "embeddings", "litellm.call_type": "aembedding",
        "gen_ai.provider.name": "aws.bedrock", "gen_ai.system": "aws.bedrock", "gen_ai.request.model": "claude",
        "litellm.provider.model": PAYLOAD["model"], "litellm.cost.total": 0.25, "litellm.team.alias": "search",
        "litellm.metadata.user_api_key_alias": "ci", "litellm.metadata.user_api_key_org_id": "org-1",
        "litellm.end_user.id": "ada", "gen_ai.conversation.id": "session-9",
        "gen_ai.openai.request.service_tier": "flex", "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 400,
        "gen_ai.usage.cache_creation.input_tokens": 30,
    }  # fmt: skip


def litellm_span(attributes: dict[str, Any]) -> dict[str, Any]:
    """Times as LiteLLM writes them: microseconds through a float of nanoseconds."""
    start, end = (str(int(float(str(PAYLOAD[name])) * 1e9)) for name in ("startTime", "endTime"))
    return request(span(1, attributes, startTimeUnixNano=start, endTimeUnixNano=end))


@pytest.mark.parametrize(
    ("attributes", "without"),
    [
        pytest.param(first_set(), (), id="first set"),
        pytest.param(
            first_set(**{"gen_ai.cost.total_cost": "", "hidden_params": '{"response_cost": 0.25}'}),
            (),
            id="hidden cost",
        ),
        pytest.param(second_set(), ("tag.env", "tag.beta", "tag.it's"), id="second set, which has no tags"),
    ],
)
def test_a_span_of_either_set_is_the_payloads_event(attributes: dict[str, Any], without: tuple[str, ...]) -> None:
    wanted = of_payloads([PAYLOAD])["call-1"].model_dump()
    wanted["attributes"] = {name: value for name, value in wanted["attributes"].items() if name not in without}
    assert of_spans(litellm_span(attributes))["call-1"].model_dump() == wanted


def test_a_call_tried_twice_is_two_records() -> None:
    """Retries and fallbacks share the call's id: only with its start is it an identity."""
    first, second = (span(number, first_set(), startTimeUnixNano=f"17954813454462450{number}0") for number in (1, 9))
    second["startTimeUnixNano"] = "1795481345999999000"
    read = read_traces(as_json(request(first, second)), encoding="json", records_max=9, price="catalogue")
    assert [event.id for event in read.events] == ["call-1", "call-1"]
    assert len({event.occurred_at for event in read.events}) == 2
