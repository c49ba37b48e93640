"""A span of OpenTelemetry's GenAI conventions as a native usage event, by attribute names until 1.36 and since.

The conventions: open-telemetry/semantic-conventions-genai, docs/gen-ai. As there, cached and reasoning tokens are parts
of the input and the output.
"""

from collections.abc import Mapping
from typing import Any

from allocation.prices.engine.catalogue import maker_of
from allocation.sources.documents import PriceFrom
from allocation.usage.importers.litellm import claim_of, parts_fitted, pseudonym, service_tier
from allocation.usage.importers.otlp import names
from allocation.usage.importers.otlp.spans import LITELLM_CALL_ID, OWN_PREFIX, Scalar, Span, instant, microseconds

SOURCE = "otlp"
# A provider that nobody names: the call is recorded and has no price.
UNKNOWN = "unknown"
INVOKE_AGENT = "invoke_agent"
# Providers' ids of answers have some 20 random characters; local servers count up, or draw from a thousand.
UNIQUE_FROM = 16
# Operations that call models themselves: the provider recorded for them, and the attribute recorded as their model.
_ORCHESTRATION = {
    "create_agent": ("agent", "gen_ai.agent.name"),
    INVOKE_AGENT: ("agent", "gen_ai.agent.name"),
    "plan": ("agent", "gen_ai.agent.name"),
    "invoke_workflow": ("workflow", "gen_ai.workflow.name"),
    "execute_tool": ("tool", "gen_ai.tool.name"),
    "retrieval": ("retrieval", "gen_ai.data_source.id"),
}
_MEMORY = "_memory"
# Each provider has one name: that of gateways and price catalogues.
_PROVIDERS = {
    "aws.bedrock": "bedrock",
    "azure.ai.inference": "azure_ai",
    "azure.ai.openai": "azure",
    "az.ai.inference": "azure_ai",
    "az.ai.openai": "azure",
    "amazon-bedrock": "bedrock",
    "vertexai": "vertex_ai",
    "mistralai": "mistral",
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "gcp.vertex_ai": "vertex_ai",
    "ibm.watsonx.ai": "watsonx",
    "mistral_ai": "mistral",
    "x_ai": "xai",
}
_ATTRIBUTES = (
    ("service", ("service.name",)),
    ("environment", ("deployment.environment.name", "deployment.environment")),
    ("agent", ("gen_ai.agent.name",)),
    ("agent_id", ("gen_ai.agent.id",)),
    ("tool", ("gen_ai.tool.name",)),
    ("workflow", ("gen_ai.workflow.name",)),
    ("function", (names.AI_SDK_FUNCTION,)),
)
# Beside a provider each of these shows a call.
_OF_CALLS = frozenset({*names.TOTALS, LITELLM_CALL_ID, "llm.request.type"})
_NOT_PROPERTIES = frozenset({*names.SESSIONS, *names.PEOPLE})
_OF_CLAIMS = frozenset({*names.CLAIMED, *names.CLAIMED_PARTS})
_FIVE = dict.fromkeys(("input", "cached_input", "cache_write", "output", "reasoning"))
# Each name that counts tokens, with the kind it counts and its place among the names of that kind.
_KINDS = {
    name: (kind, rank)
    for kind, aliases in (
        ("input", names.INPUT), ("cached_input", names.CACHED), ("cache_write", names.WRITTEN),
        ("output", names.OUTPUT), ("reasoning", names.REASONING), ("cache_write_1h", names.WRITTEN_1H),
        ("audio_input", names.AUDIO_INPUT), ("audio_output", names.AUDIO_OUTPUT),
    )
    for rank, name in enumerate(aliases)
}  # fmt: skip
_AUDIO = (("audio_input", "input", ("cached_input", "cache_write")), ("audio_output", "output", ("reasoning",)))
_OWN_FIELDS = {"scope": "scope", "task_id": "task_id", "session_id": "session_id"}


def reports_usage(span: Span) -> bool:
    """Whether the span names an operation of the conventions, is a model call of OpenInference's or, from older
    instrumentation, names a provider and tokens or a call.
    """
    attributes = span.attributes
    if "gen_ai.operation.name" in attributes:
        return True
    if names.OPENINFERENCE_KIND in attributes:
        return attributes[names.OPENINFERENCE_KIND] in names.OPENINFERENCE_OPERATIONS
    return not names.OF_PROVIDERS.isdisjoint(attributes) and not _OF_CALLS.isdisjoint(attributes)


def operation_of(span: Span) -> object:
    """The operation as the GenAI conventions name it."""
    stated = first_value(span.attributes, ("gen_ai.operation.name", "llm.request.type"))
    return stated or names.OPENINFERENCE_OPERATIONS.get(str(span.attributes.get(names.OPENINFERENCE_KIND)), "chat")


def model_of(span: Span) -> Scalar | None:
    """The model that answered, else the one that was asked for, without its provider's name before it; None where
    neither is stated.
    """
    model = first_value(span.attributes, names.MODELS)
    provider = first_value(span.attributes, names.PROVIDERS)
    return model.removeprefix(f"{provider}/") if isinstance(model, str) and isinstance(provider, str) else model


def is_orchestration(span: Span) -> bool:
    """Whether the span's operation calls models itself: one of the conventions', or one that nobody knows and that
    states neither tokens nor a model.
    """
    operation = operation_of(span)
    if not isinstance(operation, str) or operation in names.CALLS:
        return False
    if operation in _ORCHESTRATION or _MEMORY in operation:
        return True
    return not has_tokens(span) and model_of(span) is None


def has_tokens(span: Span) -> bool:
    """Whether the span reports tokens."""
    return first_value(span.attributes, names.TOTALS) is not None


def native(span: Span, *, price: PriceFrom, is_repeating: bool = False) -> dict[str, Any]:
    """The span as a native usage event. `is_repeating`: a span below it has already reported its tokens."""
    attributes = span.attributes
    operation = operation_of(span)
    event: dict[str, Any] = {
        "id": f"{span.trace_id}-{span.span_id}" if span.trace_id and span.span_id else "",
        "source": SOURCE,
        "occurred_at": instant(span.started_ns),
        "provider": _provider_or_maker(span),
        "model": model_of(span),
        "operation": operation,
        "status": "error" if span.has_failed or "error.type" in attributes else "success",
        "attributes": attributes_of({**span.resource, **attributes}, names.PEOPLE),
        "task_id": span.trace_id,
        "session_id": first_value(attributes, names.SESSIONS) or "",
        "latency_ms": latency_ms(span),
    }
    if event["model"] is None and event["status"] == "error":
        # It costs nothing, whichever model it was meant for.
        event["model"] = UNKNOWN
    event |= native_fields(attributes, span.resource)
    if is_orchestration(span) and not (runs_elsewhere(span) and not is_repeating):
        kind, name = _ORCHESTRATION.get(str(operation), _unnamed(str(operation)))
        # It costs nothing itself; the calls it makes are records of their own.
        return event | {"provider": kind, "model": attributes.get(name) or str(operation), "cost": "0"}
    event["service_tier"] = service_tier(first_value(attributes, names.TIERS) or "")
    event["tokens"] = tokens_of(attributes)
    return event | claim_of(claimed_by(attributes), event, price)


def has_unique_response(span: Span) -> bool:
    """Whether the span has the id of an answer that was surely given once."""
    response = span.attributes.get(names.RESPONSE_ID)
    return isinstance(response, str) and len(response) >= UNIQUE_FROM


def price_basis(span: Span) -> tuple[object, ...]:
    """What decides the price of the call beside its tokens."""
    return _provider_or_maker(span), model_of(span), service_tier(first_value(span.attributes, names.TIERS) or "")


def native_fields(attributes: Mapping[str, Scalar], resource: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The fields of a native event that a span, a log record or its resource states outright: scope, task, session."""
    stated = {**resource, **attributes}
    return {field: stated[OWN_PREFIX + name] for name, field in _OWN_FIELDS.items() if OWN_PREFIX + name in stated}


def claimed_by(attributes: Mapping[str, Scalar]) -> Scalar | None:
    """What the span's emitter reckons the call cost, as it states it; None where it does not."""
    if _OF_CLAIMS.isdisjoint(attributes):
        return None
    stated = first_value(attributes, names.CLAIMED)
    parts = [attributes[name] for name in names.CLAIMED_PARTS if name in attributes]
    if stated is not None or not parts:
        return stated
    return sum(part for part in parts if isinstance(part, int | float))


def runs_elsewhere(span: Span) -> bool:
    """The conventions' remote agent, a client span: its model calls run where this process does not see them, so that
    the tokens it reports are not counted elsewhere. Within one process an agent's tokens are the sum of its calls'.
    """
    return span.is_client and span.attributes.get("gen_ai.operation.name") == INVOKE_AGENT and has_tokens(span)


def first_value(attributes: Any, aliases: tuple[str, ...]) -> Scalar | None:
    """The first value that is not empty; None when all are."""
    for name in aliases:
        if value := attributes.get(name):
            found: Scalar = value
            return found
    return None


def provider_of(name: object) -> object:
    """The provider's name in gateways and price catalogues."""
    if not isinstance(name, str):
        return name
    lower_case = name.strip().lower()
    return _PROVIDERS.get(lower_case, lower_case)


def tokens_of(attributes: Any) -> dict[str, Any]:
    """The token counts of a native event: five, and the rare ones that a span states: what was written to a cache for
    an hour, and audio, which is no more than what is neither cached nor reasoning.
    """
    stated = _stated(attributes)
    tokens = parts_fitted(*(stated.get(kind, 0) for kind in _FIVE))
    if not stated.keys() <= _FIVE.keys():
        tokens |= _rare(stated, tokens)
    return tokens


def _stated(attributes: Mapping[str, Scalar]) -> dict[str, Any]:
    """What is not 0 of each kind of tokens, by the newest of its names."""
    ranks: dict[str, int] = {}
    stated: dict[str, Any] = {}
    for name, value in attributes.items():
        known = _KINDS.get(name)
        if known is not None and value:
            kind, rank = known
            if kind not in ranks or rank < ranks[kind]:
                ranks[kind], stated[kind] = rank, value
    return stated


def _rare(stated: Mapping[str, Any], tokens: Mapping[str, Any]) -> dict[str, Any]:
    rare = {"cache_write_1h": stated["cache_write_1h"]} if "cache_write_1h" in stated else {}
    for kind, whole, parts in _AUDIO:
        audio = stated.get(kind)
        if type(audio) is int and all(type(tokens[part]) is int for part in (whole, *parts)):
            kept = min(audio, tokens[whole] - sum(tokens[part] for part in parts))
            rare |= {kind: kept} if kept > 0 else {}
    return rare


def _unnamed(operation: str) -> tuple[str, str]:
    """For an operation that the conventions do not list: what kind of thing it is, and what names it."""
    return ("memory", "gen_ai.data_source.id") if _MEMORY in operation else ("agent", "gen_ai.agent.name")


def latency_ms(span: Span) -> int | None:
    """In milliseconds, from times rounded to microseconds like the stored start; None for impossible times."""
    lasted = microseconds(span.ended_ns) - microseconds(span.started_ns)
    return round(lasted / 1000) if span.started_ns and 0 <= lasted < 10**12 else None


def _provider_or_maker(span: Span) -> object:
    """The provider; where nobody says who served the call, the maker of the model."""
    stated = provider_of(first_value(span.attributes, names.PROVIDERS))
    return stated or maker_of(str(model_of(span))) or UNKNOWN


def attributes_of(all_attributes: Mapping[str, Scalar], people: tuple[str, ...]) -> dict[str, str]:
    """The attributes of a native event by those of a span or log record over those of its resource. `people` are the
    names of persons, the first of which becomes a pseudonym.
    """
    attributes = {
        name.removeprefix(OWN_PREFIX): value
        for name, value in all_attributes.items()
        if name.startswith(OWN_PREFIX) and name.removeprefix(OWN_PREFIX) not in _OWN_FIELDS
    }
    attributes |= {
        name: value for name, aliases in _ATTRIBUTES if (value := first_value(all_attributes, aliases)) is not None
    }
    attributes |= {
        name.removeprefix(names.ASSOCIATION_PREFIX).removeprefix(names.AI_SDK_PREFIX): value
        for name, value in all_attributes.items()
        if name.startswith(names.PREFIXES) and name not in _NOT_PROPERTIES
    }
    person = first_value(all_attributes, people)
    if isinstance(person, str):
        attributes["end_user"] = pseudonym(person)
    return {name: _text(value) for name, value in attributes.items() if name}


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
