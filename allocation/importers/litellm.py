"""What a LiteLLM proxy posts through its `generic_api` callback: StandardLoggingPayload, seen with 1.106.

Only the fields named here are read. Messages, responses, error texts, addresses and headers are never looked at, so
they cannot be stored or logged, in quarantine neither.

`occurred_at` is startTime: the price in force when the call was made is its price, and it is the same in a repeated
callback. `id` is litellm_call_id, which repeated callbacks share.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from django.utils.crypto import salted_hmac

from allocation.documents.events import Fault
from allocation.importers.incoming import Incoming, elements

SOURCE = "litellm"
PriceFrom = Literal["billed", "catalogue"]
HASH_LENGTH = 24
TAGS_MAX = 16
_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,58}")
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
_STANDARD_TIERS = {"", "auto", "default", "standard"}
_ALIASES = (
    ("team", ("user_api_key_team_alias", "team_alias")),
    ("team_id", ("user_api_key_team_id", "team_id")),
    ("key_alias", ("user_api_key_alias",)),
    ("key_hash", ("user_api_key_hash",)),
    ("organisation", ("user_api_key_org_alias", "user_api_key_org_id")),
    ("project", ("user_api_key_project_alias", "user_api_key_project_id")),
)


def read_payloads(body: bytes, *, records_max: int, price: PriceFrom, source: str = SOURCE) -> Incoming:
    payloads = (payload for payload, _ in elements(body, records_max=records_max))
    return incoming_of(enumerate(payloads), price=price, source=source)


def incoming_of(payloads: Iterable[tuple[int, object]], *, price: PriceFrom, source: str) -> Incoming:
    incoming = Incoming()
    for index, payload in payloads:
        if isinstance(payload, dict):
            incoming.take_data(index, native(payload, price=price, source=source))
        else:
            incoming.refuse(index, Fault("not_an_object", "A payload must be a JSON object."), payload)
    return incoming


def native(payload: Mapping[str, Any], *, price: PriceFrom, source: str = SOURCE) -> dict[str, Any]:
    """The payload as a native usage event; what is missing or of a wrong type is left for the event's schema to
    refuse. `price` billed takes response_cost as what was billed, unless it is zero for used tokens.
    """
    metadata = _mapping(payload.get("metadata"))
    provider, model = _provider_and_model(payload)
    tokens = _tokens(payload, metadata)
    event: dict[str, Any] = {
        "id": payload.get("litellm_call_id") or payload.get("id"),
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
    latency = payload.get("response_time")
    if isinstance(latency, int | float) and 0 <= latency < 10**6:
        event["latency_ms"] = round(latency * 1000)
    if payload.get("cache_hit") is True:
        event["cached_response"] = True
    elif price == "billed" and event["status"] == "success":
        claimed = payload.get("response_cost")
        # LiteLLM writes 0 for a model it has no price for.
        if isinstance(claimed, int | float) and (claimed > 0 or not any(tokens.values())):
            event["cost"] = format(claimed, ".15g") if isinstance(claimed, float) else claimed
    return event


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _instant(value: object) -> object:
    """Seconds since 1970 or a text; a text without a zone is UTC, as the proxy writes it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC).isoformat()
        except (OverflowError, ValueError, OSError):
            return "?"
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            return "?"
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).isoformat()
    return value


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
    tier = stated or _mapping(payload.get("model_parameters")).get("service_tier") or ""
    return "standard" if isinstance(tier, str) and tier in _STANDARD_TIERS else tier


def _tokens(payload: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's way of counting: cached and written tokens are parts of the input, reasoning of the output."""
    usage = _mapping(metadata.get("usage_object")) or payload
    prompt_details = _mapping(usage.get("prompt_tokens_details"))
    cached = _first(prompt_details.get("cached_tokens"), usage.get("cache_read_input_tokens"))
    written = _first(usage.get("cache_creation_input_tokens"), prompt_details.get("cache_creation_tokens"))
    reasoning = _first(_mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    prompt, completion = _first(usage.get("prompt_tokens")), _first(usage.get("completion_tokens"))
    counts = (prompt, cached, written, completion, reasoning)
    if all(type(count) is int for count in counts):
        # Reported beside the total rather than inside it: then it cannot be a part.
        if cached + written > prompt:
            prompt += cached + written
        if reasoning > completion:
            completion += reasoning
    return {
        "input": prompt, "cached_input": cached, "cache_write": written, "output": completion, "reasoning": reasoning
    }  # fmt: skip


def _first(*values: object) -> Any:
    return next((value for value in values if value), 0)


def _attributes(payload: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, fields in _ALIASES:
        value = next((metadata[field] for field in fields if metadata.get(field)), None)
        if isinstance(value, str) and len(value) <= 200:  # noqa: PLR2004  # an attribute's length
            found[name] = value
    for name, person in (
        ("end_user", payload.get("end_user") or metadata.get("user_api_key_end_user_id")),
        ("user", metadata.get("user_api_key_user_id")),
    ):
        if isinstance(person, str) and person:
            found[name] = pseudonym(person)
    tags = payload.get("request_tags")
    for tag in tags[:TAGS_MAX] if isinstance(tags, list) else ():
        # "env:prod" is tag.env = prod, "beta" is tag.beta = true; the proxy adds the caller's User-Agent as a tag.
        if isinstance(tag, str) and not tag.startswith("User-Agent:"):
            name, colon, value = tag.partition(":")
            if _NAME.fullmatch(name) and len(value) <= 200:  # noqa: PLR2004  # an attribute's length
                found[f"tag.{name}"] = value.strip() if colon else "true"
    return found


def pseudonym(person: str) -> str:
    """Tells people apart without telling who they are; keyed, so that it cannot be looked up."""
    return salted_hmac("allocation.pseudonym", json.dumps(person), algorithm="sha256").hexdigest()[:HASH_LENGTH]
