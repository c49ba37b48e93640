"""A generation of Langfuse's SDK in the names of the GenAI conventions.

Its `usage_details` is JSON in one of three spellings: OpenAI's chat completions and responses, whose parts lie inside
their totals, and Langfuse's own, whose keys are disjoint. Seen with langfuse 5.0.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from allocation.usage.importers.otlp.names import (
    LANGFUSE_COST,
    LANGFUSE_MODEL,
    LANGFUSE_TYPE,
    LANGFUSE_USAGE,
)
from allocation.usage.importers.otlp.spans import Scalar, Span

# Langfuse's types of observation that are a model call, as operations of the conventions.
OPERATIONS = {"generation": "chat", "embedding": "embeddings"}
# Langfuse's own keys beside `input` that are parts of the whole input, by the name of the part.
_CACHED = ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read")
_WRITTEN = ("cache_creation_input_tokens", "cache_write_input_tokens", "input_cache_creation", "input_cache_write")
_REASONING = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")


def as_genai(span: Span) -> Span:
    """The span with what its Langfuse attributes state under the conventions' names; any other span as it is."""
    operation = OPERATIONS.get(str(span.attributes.get(LANGFUSE_TYPE)))
    if operation is None:
        return span
    attributes: dict[str, Scalar] = {**span.attributes, "gen_ai.operation.name": operation}
    if model := span.attributes.get(LANGFUSE_MODEL):
        attributes["gen_ai.request.model"] = model
    attributes |= {
        f"gen_ai.usage.{name}": count for name, count in _tokens(_object(span.attributes.get(LANGFUSE_USAGE))).items()
    }
    total = _object(span.attributes.get(LANGFUSE_COST)).get("total")
    if isinstance(total, int | float) and not isinstance(total, bool):
        attributes["gen_ai.usage.cost"] = total
    return replace(span, attributes=attributes)


def _tokens(usage: Mapping[str, Any]) -> dict[str, int]:
    """Counts by the conventions' names; empty without usage."""
    for total_in, total_out in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
        if total_in in usage:
            inside, outside = _mapping(usage.get(f"{total_in}_details")), _mapping(usage.get(f"{total_out}_details"))
            return _named(
                _count(usage, total_in),
                _count(inside, "cached_tokens"),
                _count(inside, "cache_write_tokens"),
                _count(usage, total_out),
                _count(outside, "reasoning_tokens"),
            )
    if not usage:
        return {}
    cached, written, reasoning = (_first(usage, keys) for keys in (_CACHED, _WRITTEN, _REASONING))
    return _named(
        _count(usage, "input") + cached + written, cached, written, _count(usage, "output") + reasoning, reasoning
    )


def _named(whole: int, cached: int, written: int, output: int, reasoning: int) -> dict[str, int]:
    return {
        "input_tokens": whole,
        "cache_read.input_tokens": cached,
        "cache_write.input_tokens": written,
        "output_tokens": output,
        "reasoning.output_tokens": reasoning,
    }


def _first(usage: Mapping[str, Any], keys: tuple[str, ...]) -> int:
    return next((_count(usage, key) for key in keys if key in usage), 0)


def _count(usage: Mapping[str, Any], key: str) -> int:
    value = usage.get(key)
    return value if type(value) is int else 0


def _object(text: object) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text)) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
