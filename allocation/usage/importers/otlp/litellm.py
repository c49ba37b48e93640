"""A LiteLLM proxy's span as the payload its `generic_api` callback would have posted for the same call, so that both
become the same event: one record, whichever came first. Seen with 1.106, its first attribute set and its second.
"""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from allocation.usage.importers import litellm
from allocation.usage.importers.litellm import PriceFrom
from allocation.usage.importers.otlp.genai import first, provider_of, tokens_of
from allocation.usage.importers.otlp.spans import (
    ATTRIBUTE_BYTES_MAX,
    LITELLM_CALL_ID,
    LITELLM_METADATA,
    Scalar,
    Span,
    instant,
)

# What Python prints for dicts and lists of plain values, token by token.
_TOKEN = re.compile(r"""\s*+(?:('(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")|(None|True|False)|([^\s'"]))""", re.DOTALL)
_WORDS = {"None": "null", "True": "true", "False": "false"}
# The second set's names, where they are not `litellm.metadata.` and the first set's.
_SECOND_SET = {
    "user_api_key_team_alias": "litellm.team.alias",
    "user_api_key_team_id": "litellm.team.id",
    "user_api_key_hash": "litellm.api_key.hash",
    "user_api_key_end_user_id": "litellm.end_user.id",
}


def native(span: Span, *, price: PriceFrom) -> dict[str, Any]:
    return litellm.native(payload_of(span), price=price)


def payload_of(span: Span) -> dict[str, Any]:
    found = span.attributes
    requester = printed(found.get("metadata.requester_metadata"))
    metadata: dict[str, Any] = {name: _metadata(found, name) for name in LITELLM_METADATA}
    metadata["usage_object"] = printed(found.get("metadata.usage_object")) or _usage(found)
    return {
        "litellm_call_id": found[LITELLM_CALL_ID],
        "startTime": instant(span.started_ns),
        "endTime": instant(span.ended_ns),
        "custom_llm_provider": provider_of(first(found, ("gen_ai.provider.name", "gen_ai.system"))),
        "model": first(found, ("litellm.provider.model", "gen_ai.request.model", "gen_ai.tool.name")),
        "call_type": first(found, ("litellm.call_type", "llm.request.type", "gen_ai.operation.name")),
        "status": "failure" if span.has_failed or "error.type" in found else "success",
        "metadata": metadata,
        "end_user": found.get("llm.user"),
        "request_tags": _tags(requester) + _tags(printed(found.get("metadata.user_api_key_auth_metadata"))),
        # A proxy asked with a session calls it the trace too; asked with neither it takes the span's trace.
        "trace_id": str(
            first(requester, ("session_id", "trace_id")) or found.get("gen_ai.conversation.id") or span.trace_id
        ),
        "cost_breakdown": {"service_tier": found.get("gen_ai.cost.service_tier")},
        "model_parameters": {"service_tier": found.get("gen_ai.openai.request.service_tier")},
        "response_cost": _cost(found),
    }


def _metadata(found: Mapping[str, Scalar], name: str) -> object:
    return first(found, (f"metadata.{name}", f"litellm.metadata.{name}", _SECOND_SET.get(name, "")))


def _usage(found: Mapping[str, Scalar]) -> dict[str, Any]:
    tokens = tokens_of(found)
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


def _cost(found: Mapping[str, Scalar]) -> object:
    stated = first(found, ("gen_ai.cost.total_cost", "litellm.cost.total"))
    if stated is not None:
        return stated
    try:
        hidden = json.loads(str(found.get("hidden_params", "")))
    except (ValueError, RecursionError):
        return None
    return hidden.get("response_cost") if isinstance(hidden, dict) else None


def printed(text: object) -> dict[str, Any]:
    """What `str` of a Python dict holds, read without evaluating it: turned into JSON token by token. Nothing when
    the text was cut off or holds something other than plain values.
    """
    if not isinstance(text, str) or len(text) > ATTRIBUTE_BYTES_MAX:
        return {}
    written, position = [], 0
    while token := _TOKEN.match(text, position):
        quoted, word, other = token.groups()
        try:
            written.append(json.dumps(ast.literal_eval(quoted)) if quoted else _WORDS.get(word, other))
        except (SyntaxError, ValueError):
            return {}
        position = token.end()
    try:
        value = json.loads("".join(written)) if position == len(text.rstrip()) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
