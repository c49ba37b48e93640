import json
from typing import Any

from allocation.meters.documents import UsageEvent
from allocation.usage.importers.litellm import read_payloads
from allocation.usage.importers.otlp.reading import read_traces
from tests.allocation.otlp_bodies import as_json, as_protobuf

PAYLOADS, SPANS = "/api/v1/usage/litellm", "/api/v1/otlp/v1/traces"


def call_of(event: UsageEvent) -> str:
    """The call's id, by which LiteLLM's payloads and spans of a test are paired."""
    return event.id.partition("/")[0]


def of_payloads(payloads: list[dict[str, Any]], price: Any = "billed") -> dict[str, UsageEvent]:
    incoming = read_payloads(json.dumps(payloads).encode(), records_max=1000, price=price)
    assert not incoming.refused
    return {event.id: event for event in incoming.events}


def of_spans(body: dict[str, Any], price: Any = "billed") -> dict[str, UsageEvent]:
    plain = read_traces(as_json(body), encoding="json", records_max=1000, price=price)
    packed = read_traces(as_protobuf(body), encoding="protobuf", records_max=1000, price=price)
    assert plain.events == packed.events
    assert plain.refused == packed.refused == []
    assert len({event.id for event in plain.events}) == len(plain.events)
    return {event.id: event for event in plain.events}


PAYLOAD = {
    "litellm_call_id": "call-1", "custom_llm_provider": "bedrock", "model": "bedrock/anthropic.claude-sonnet-4",
    "call_type": "aembedding", "status": "success", "startTime": 1795481345.446245, "endTime": 1795481345.9, "trace_id":
    "session-9", "response_cost": 0.25, "request_tags": ["env:prod", "beta", "it's"], "end_user": "ada",
    "model_parameters": {"service_tier": "flex"},
    "metadata": {
        "user_api_key_team_alias": "search", "user_api_key_alias": "ci", "user_api_key_org_id": "org-1",
        "usage_object": {
            "prompt_tokens": 1000, "completion_tokens": 100, "cache_creation_input_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 400}, "completion_tokens_details": {"reasoning_tokens": 0},
        },
    },
}  # fmt: skip


def first_set(**changes: Any) -> dict[str, Any]:
    metadata: Any = PAYLOAD["metadata"]
    return {
        "litellm.call_id": "call-1", "gen_ai.system": "bedrock", "litellm.provider.model": PAYLOAD["model"],
        "gen_ai.request.model": "claude", "llm.request.type": "aembedding", "gen_ai.cost.total_cost": 0.25,
        "metadata.user_api_key_team_alias": "search", "metadata.user_api_key_alias": "ci",
        "metadata.user_api_key_org_alias": "", "metadata.user_api_key_org_id": "org-1", "llm.user": "ada",
        "metadata.usage_object": str(metadata["usage_object"]), "gen_ai.openai.request.service_tier": "flex",
        "metadata.requester_metadata": str({"tags": ["env:prod", "beta"], "session_id": "session-9", "trace_id": "t"}),
        "metadata.user_api_key_auth_metadata": str({"tags": ["it's"]}),
    } | changes  # fmt: skip
