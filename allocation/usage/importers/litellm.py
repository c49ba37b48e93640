"""What a LiteLLM proxy posts through its `generic_api` callback: StandardLoggingPayload, as of LiteLLM 1.106.

Only the fields named here are read. Messages, responses, error texts, addresses and headers are never read, so that
they can be neither stored nor logged, not even in quarantine.

`occurred_at` is startTime, since the price in force when the call was made is its price. What identifies the call says
`importers/litellm_identity.py`.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.crypto import salted_hmac

from allocation.meters.documents import Fault, tier_name
from allocation.sources.documents import PriceFrom
from allocation.usage.importers.incoming import Incoming, json_records
from allocation.usage.importers.litellm_identity import identity_of

SOURCE = "litellm"
# Senders reckon in the currency of providers' price lists.
CLAIMED_IN = "USD"
CLIENT_LEFT = "499"
HASH_LENGTH = 24
TAGS_MAX = 200
_OPERATIONS = {
    "completion": "chat",
    "acompletion": "chat",
    "responses": "chat",
    "aresponses": "chat",
    "anthropic_messages": "chat",
    "embedding": "embeddings",
    "aembedding": "embeddings",
    "text_completion": "text_completion",
    "atext_completion": "text_completion",
}
_ALIASES = (
    ("team", ("user_api_key_team_alias", "team_alias")),
    ("team_id", ("user_api_key_team_id", "team_id")),
    ("key_alias", ("user_api_key_alias",)),
    ("key_hash", ("user_api_key_hash",)),
    ("organisation", ("user_api_key_org_alias", "user_api_key_org_id")),
    ("project", ("user_api_key_project_alias", "user_api_key_project_id")),
)


def read_payloads(body: bytes, *, records_max: int, price: PriceFrom, source: str = SOURCE) -> Incoming:
    """Reads an array or one payload. Raises MalformedBody, and TooManyRecords above `records_max`."""
    payloads = (payload for payload, _ in json_records(body, records_max=records_max))
    return incoming_of(enumerate(payloads), price=price, source=source)


def incoming_of(payloads: Iterable[tuple[int, object]], *, price: PriceFrom, source: str) -> Incoming:
    """Payloads with their positions, as native events."""
    incoming = Incoming()
    for index, payload in payloads:
        if isinstance(payload, dict):
            incoming.take_data(index, native(payload, price=price, source=source))
        else:
            incoming.refuse(index, Fault("not_an_object", "A payload must be a JSON object."), payload)
    return incoming


def native(payload: Mapping[str, Any], *, price: PriceFrom, source: str = SOURCE) -> dict[str, Any]:
    """The payload as a native usage event; what is missing or of the wrong type is left for the event's schema to
    refuse. With `price` billed, response_cost is the cost, else a claim beside it, unless it is 0 although tokens were
    used.
    """
    metadata = _mapping(payload.get("metadata"))
    provider, model = _provider_and_model(payload)
    tokens = _tokens(payload, metadata)
    event: dict[str, Any] = {
        **identity_of(
            call_id=payload.get("litellm_call_id"),
            response_id=payload.get("id"),
            ended_at=instant_of(payload.get("endTime")),
            has_failed=payload.get("status") != "success",
            is_cached=payload.get("cache_hit") is True,
        ),
        "source": source,
        "occurred_at": _instant(payload.get("startTime") or payload.get("endTime")),
        "provider": provider,
        "model": model,
        "operation": _operation(payload.get("call_type")),
        "service_tier": _service_tier(payload),
        "tokens": tokens,
        "status": "success" if payload.get("status") == "success" else "error",
        "attributes": _attributes(payload, metadata),
        "task_id": payload.get("trace_id") or "",
        "session_id": payload.get("session_id") or "",
    }
    if searches := _searches(payload, metadata):
        event["quantities"] = {"web_search": searches}
    latency = _latency_ms(payload)
    if latency is not None:
        event["latency_ms"] = latency
    if payload.get("cache_hit") is True:
        event["cached_response"] = True
    else:
        event |= claim_of(payload.get("response_cost"), event, price)
    if _was_cut(payload):
        event["estimated"] = True
    return event


def claim_of(claimed: object, event: Mapping[str, Any], price: PriceFrom) -> dict[str, Any]:
    """The fields of a native event for a cost that its sender claims: beside ours, or in its place with `price` billed.
    A failed call costs nothing, whatever is claimed.
    """
    cost = claimed_cost(claimed, event["tokens"])
    if cost is None or event["status"] != "success":
        return {}
    return {"cost": cost} if price == "billed" else {"claimed_cost": {"amount": str(cost), "currency": CLAIMED_IN}}


def _was_cut(payload: Mapping[str, Any]) -> bool:
    """Whether the client left before the answer's end: then the provider's count never came, and the proxy reckons."""
    code = _mapping(payload.get("error_information")).get("error_code")
    return payload.get("status") == "success" and str(code) == CLIENT_LEFT


def claimed_cost(claimed: object, tokens: Mapping[str, Any]) -> str | int | None:
    """The cost as stated; None for 0 with tokens used, which LiteLLM writes for a model without a price."""
    if isinstance(claimed, bool) or not isinstance(claimed, int | float):
        return None
    if not (claimed > 0 or not any(tokens.values())):
        return None
    return format(claimed, ".15g") if isinstance(claimed, float) else claimed


def _latency_ms(payload: Mapping[str, Any]) -> int | None:
    """How long the call took, in milliseconds. `response_time` is used only without times: for a streamed answer it
    ends with the first token.
    """
    start, end = (instant_of(payload.get(name)) for name in ("startTime", "endTime"))
    if start is not None and end is not None:
        lasted = (end - start) / timedelta(milliseconds=1)
        return round(lasted) if 0 <= lasted < 10**9 else None
    stated = payload.get("response_time")
    return round(stated * 1000) if isinstance(stated, int | float) and 0 <= stated < 10**6 else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _instant(value: object) -> object:
    parsed = instant_of(value)
    if parsed is not None:
        return parsed.isoformat()
    return "?" if isinstance(value, int | float | str) and not isinstance(value, bool) else value


def instant_of(value: object) -> datetime | None:
    """Seconds since 1970 or a text; a text without a zone is UTC, as the proxy writes it."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value)
            return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (OverflowError, ValueError, OSError):
        pass
    return None


def _provider_and_model(payload: Mapping[str, Any]) -> tuple[object, object]:
    model = payload.get("model") or payload.get("model_group")
    provider = payload.get("custom_llm_provider")
    if not isinstance(model, str):
        return provider, model
    if not provider:
        head, slash, rest = model.partition("/")
        return (head, rest) if slash else ("unknown", model)
    return provider, model.removeprefix(f"{provider}/")


def _operation(call_type: object) -> object:
    return _OPERATIONS.get(call_type, call_type or "chat") if isinstance(call_type, str) else call_type or "chat"


def _service_tier(payload: Mapping[str, Any]) -> object:
    stated = _mapping(payload.get("cost_breakdown")).get("service_tier")
    return service_tier(stated or _mapping(payload.get("model_parameters")).get("service_tier") or "")


def service_tier(stated: object) -> object:
    """`standard` for the names that providers give it; any other as stated."""
    return tier_name(stated) if isinstance(stated, str) else stated


def _tokens(payload: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Counted as OpenAI does: cached and written tokens are parts of the input, reasoning is part of the output."""
    usage = _as_completions(_mapping(metadata.get("usage_object")) or payload, payload)
    prompt_details = _mapping(usage.get("prompt_tokens_details"))
    cached = _first(prompt_details.get("cached_tokens"), usage.get("cache_read_input_tokens"))
    written = _first(usage.get("cache_creation_input_tokens"), prompt_details.get("cache_creation_tokens"))
    reasoning = _first(_mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    prompt, completion = _first(usage.get("prompt_tokens")), _first(usage.get("completion_tokens"))
    counts = parts_fitted(prompt, cached, written, completion, reasoning)
    return {**counts, **_rare_tokens(usage, counts)}


def _as_completions(usage: Mapping[str, Any], payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Usage in the spelling of chat completions. Responses, images and transcriptions call their totals input and
    output tokens, and state them beside totals of 0; the payload's own totals stand where neither is there. What an
    image call puts out without saying as what is image tokens.
    """
    if usage.get("prompt_tokens") or usage.get("completion_tokens"):
        return usage
    inside = _first(
        *(usage.get(name) for name in ("prompt_tokens_details", "input_tokens_details", "input_token_details"))
    )
    outside = _first(
        *(usage.get(name) for name in ("completion_tokens_details", "output_tokens_details", "output_token_details"))
    )
    completion = _first(usage.get("output_tokens"), payload.get("completion_tokens"))
    if not outside and "image_generation" in str(payload.get("call_type")):
        outside = {"image_tokens": completion}
    return {
        **usage,
        "prompt_tokens": _first(usage.get("input_tokens"), payload.get("prompt_tokens")),
        "completion_tokens": completion,
        "prompt_tokens_details": inside,
        "completion_tokens_details": outside,
    }


def parts_fitted(prompt: Any, cached: Any, written: Any, completion: Any, reasoning: Any) -> dict[str, Any]:
    """The five token counts of a native event. Counts that are not whole numbers are left for the event's schema to
    refuse.
    """
    counts = (prompt, cached, written, completion, reasoning)
    if all(type(count) is int for count in counts):
        # A part larger than its total was reported in addition to it.
        if cached + written > prompt:
            prompt += cached + written
        if reasoning > completion:
            completion += reasoning
    return {
        "input": prompt, "cached_input": cached, "cache_write": written, "output": completion, "reasoning": reasoning
    }  # fmt: skip


def _rare_tokens(usage: Mapping[str, Any], counts: Mapping[str, Any]) -> dict[str, int]:
    """Audio tokens, those read from a cache apart, image tokens without those, and tokens written to a cache for an
    hour; each at most what it is a part of.
    """
    if not all(type(count) is int for count in counts.values()):
        return {}
    written, plain = counts["cache_write"], max(counts["output"] - counts["reasoning"], 0)
    fresh = max(counts["input"] - counts["cached_input"] - written, 0)
    prompt, completion = (_mapping(usage.get(f"{kind}_tokens_details")) for kind in ("prompt", "completion"))
    cached = _mapping(prompt.get("cached_tokens_details"))
    creation = _mapping(prompt.get("cache_creation_token_details") or usage.get("cache_creation"))
    audio_in = min(max(_count(prompt, "audio_tokens") - _count(cached, "audio_tokens"), 0), fresh)
    audio_out = min(_count(completion, "audio_tokens"), plain)
    rare = {
        "cache_write_1h": min(_count(creation, "ephemeral_1h_input_tokens"), written),
        "audio_input": audio_in,
        "cached_audio_input": min(_count(cached, "audio_tokens"), counts["cached_input"]),
        "image_input": min(max(_count(prompt, "image_tokens") - _count(cached, "image_tokens"), 0), fresh - audio_in),
        "audio_output": audio_out,
        "image_output": min(_count(completion, "image_tokens"), plain - audio_out),
    }
    return {name: count for name, count in rare.items() if count}


def _searches(payload: Mapping[str, Any], metadata: Mapping[str, Any]) -> int:
    usage = _mapping(metadata.get("usage_object")) or payload
    return _count(_mapping(usage.get("server_tool_use")), "web_search_requests") or _count(
        _mapping(usage.get("prompt_tokens_details")), "web_search_requests"
    )


def _count(holder: Mapping[str, Any], name: str) -> int:
    value = holder.get(name)
    return value if type(value) is int and value > 0 else 0


def _first(*values: object) -> Any:
    return next((value for value in values if value), 0)


def _attributes(payload: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, str]:
    """Who called and for what; people as pseudonyms."""
    attributes: dict[str, str] = {}
    for name, fields in _ALIASES:
        value = next((metadata[field] for field in fields if metadata.get(field)), None)
        if isinstance(value, str):
            attributes[name] = value
    for name, person in (
        ("end_user", payload.get("end_user") or metadata.get("user_api_key_end_user_id")),
        ("user", metadata.get("user_api_key_user_id")),
    ):
        if isinstance(person, str) and person:
            attributes[name] = pseudonym(person)
    tags = payload.get("request_tags")
    for tag in tags[:TAGS_MAX] if isinstance(tags, list) else ():
        # "env:prod" is tag.env = prod, "beta" is tag.beta = true; the proxy adds the caller's User-Agent as a tag.
        if isinstance(tag, str) and not tag.startswith("User-Agent:"):
            name, colon, value = tag.partition(":")
            if name.strip():
                attributes[f"tag.{name.strip()}"] = value.strip() if colon else "true"
    return attributes


def pseudonym(person: str) -> str:
    """Tells people apart without identifying them. Keyed, so that it cannot be looked up."""
    return salted_hmac("allocation.pseudonym", json.dumps(person), algorithm="sha256").hexdigest()[:HASH_LENGTH]
