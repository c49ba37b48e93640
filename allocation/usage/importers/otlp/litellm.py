"""A LiteLLM proxy's span as the payload that its `generic_api` callback posts for the same call, so that both become
the same event: one record, whichever comes first. As of LiteLLM 1.106, with both of its attribute sets.
"""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from allocation.sources.documents import PriceFrom
from allocation.usage.importers import litellm
from allocation.usage.importers.otlp.genai import first_value, provider_of, tokens_of
from allocation.usage.importers.otlp.names import RESPONSE_ID
from allocation.usage.importers.otlp.spans import (
    ATTRIBUTE_BYTES_MAX,
    LITELLM_CALL_ID,
    LITELLM_METADATA,
    Scalar,
    Span,
    instant,
)

# The tokens of Python's repr of dicts and lists of plain values.
_TOKEN = re.compile(r"""\s*+(?:('(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")|(None|True|False)|([^\s'"]))""", re.DOTALL)
_WORDS = {"None": "null", "True": "true", "False": "false"}
# Names in the second attribute set that are not the first set's after `litellm.metadata.`.
_SECOND_SET = {
    "user_api_key_team_alias": "litellm.team.alias",
    "user_api_key_team_id": "litellm.team.id",
    "user_api_key_hash": "litellm.api_key.hash",
    "user_api_key_end_user_id": "litellm.end_user.id",
}


def native(span: Span, *, price: PriceFrom) -> dict[str, Any]:
    """The span as a native usage event, priced as `litellm.native` does."""
    return litellm.native(payload_of(span), price=price)


def payload_of(span: Span) -> dict[str, Any]:
    """The callback's payload as far as the span tells it."""
    attributes = span.attributes
    hidden = _hidden_params(attributes)
    requester = parsed_repr(attributes.get("metadata.requester_metadata"))
    metadata: dict[str, Any] = {name: _metadata(attributes, name) for name in LITELLM_METADATA}
    metadata["usage_object"] = parsed_repr(attributes.get("metadata.usage_object")) or _usage(attributes)
    return {
        "litellm_call_id": attributes[LITELLM_CALL_ID],
        "id": attributes.get(RESPONSE_ID),
        "cache_hit": bool(hidden.get("cache_key")),
        "startTime": instant(span.started_ns),
        "endTime": instant(span.ended_ns),
        "custom_llm_provider": provider_of(first_value(attributes, ("gen_ai.provider.name", "gen_ai.system"))),
        "model": first_value(attributes, ("litellm.provider.model", "gen_ai.request.model", "gen_ai.tool.name")),
        "call_type": first_value(attributes, ("litellm.call_type", "llm.request.type", "gen_ai.operation.name")),
        "status": "failure" if span.has_failed or "error.type" in attributes else "success",
        "metadata": metadata,
        "end_user": attributes.get("llm.user"),
        "request_tags": _tags(requester) + _tags(parsed_repr(attributes.get("metadata.user_api_key_auth_metadata"))),
        # The proxy uses a given session id as trace id too; without both it takes the span's trace id.
        "trace_id": str(
            first_value(requester, ("session_id", "trace_id"))
            or attributes.get("gen_ai.conversation.id")
            or span.trace_id
        ),
        "cost_breakdown": {"service_tier": attributes.get("gen_ai.cost.service_tier")},
        "model_parameters": {"service_tier": attributes.get("gen_ai.openai.request.service_tier")},
        "response_cost": first_value(attributes, ("gen_ai.cost.total_cost", "litellm.cost.total"))
        or hidden.get("response_cost"),
    }


def _metadata(attributes: Mapping[str, Scalar], name: str) -> object:
    return first_value(attributes, (f"metadata.{name}", f"litellm.metadata.{name}", _SECOND_SET.get(name, "")))


def _usage(attributes: Mapping[str, Scalar]) -> dict[str, Any]:
    tokens = tokens_of(attributes)
    return {
        "prompt_tokens": tokens["input"],
        "completion_tokens": tokens["output"],
        "prompt_tokens_details": {"cached_tokens": tokens["cached_input"]},
        "cache_creation_input_tokens": tokens["cache_write"],
        "completion_tokens_details": {"reasoning_tokens": tokens["reasoning"]},
    }


def _tags(stated: Mapping[str, Any]) -> list[object]:
    tags = stated.get("tags")
    return tags if isinstance(tags, list) else []


def _hidden_params(attributes: Mapping[str, Scalar]) -> Mapping[str, Any]:
    """What LiteLLM keeps beside its answer. The key of its cache is there only where the answer came from the cache."""
    try:
        hidden = json.loads(str(attributes.get("hidden_params", "")))
    except (ValueError, RecursionError):
        return {}
    return hidden if isinstance(hidden, dict) else {}


def parsed_repr(text: object) -> dict[str, Any]:
    """The dict whose Python repr `text` is, read without evaluating it: converted to JSON token by token. Empty when
    the text was cut off or holds anything but plain values.
    """
    if not isinstance(text, str) or len(text) > ATTRIBUTE_BYTES_MAX:
        return {}
    json_tokens, position = [], 0
    while token := _TOKEN.match(text, position):
        quoted, word, sign = token.groups()
        try:
            json_tokens.append(json.dumps(ast.literal_eval(quoted)) if quoted else _WORDS.get(word, sign))
        except (SyntaxError, ValueError):
            return {}
        position = token.end()
    try:
        value = json.loads("".join(json_tokens)) if position == len(text.rstrip()) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
