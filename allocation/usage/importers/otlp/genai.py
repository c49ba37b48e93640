"""A span of OpenTelemetry's GenAI conventions as a native usage event, by attribute names until 1.36 and since.

The conventions: open-telemetry/semantic-conventions-genai, docs/gen-ai. As there, cached and reasoning tokens are parts
of the input and the output.
"""

from typing import Any

from allocation.usage.importers.litellm import PriceFrom, claimed_cost, parts_fitted, pseudonym, service_tier
from allocation.usage.importers.otlp import names
from allocation.usage.importers.otlp.spans import LITELLM_CALL_ID, OWN_PREFIX, Scalar, Span, instant, microseconds

SOURCE = "otlp"
INVOKE_AGENT = "invoke_agent"
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
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "gcp.vertex_ai": "vertex_ai",
    "ibm.watsonx.ai": "watsonx",
    "mistral_ai": "mistral",
    "x_ai": "xai",
}
_TIERS = (
    "openai.response.service_tier", "gen_ai.openai.response.service_tier",
    "anthropic.response.service_tier", "openai.request.service_tier", "gen_ai.openai.request.service_tier",
)  # fmt: skip
_ATTRIBUTES = (
    ("service", ("service.name",)),
    ("environment", ("deployment.environment.name", "deployment.environment")),
    ("agent", ("gen_ai.agent.name",)),
    ("agent_id", ("gen_ai.agent.id",)),
    ("tool", ("gen_ai.tool.name",)),
    ("workflow", ("gen_ai.workflow.name",)),
)
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
    named = any(name in attributes for name in names.PROVIDERS)
    return named and any(
        name in attributes for name in (*names.INPUT, *names.OUTPUT, LITELLM_CALL_ID, "llm.request.type")
    )


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
    return any(span.attributes.get(name) for name in (*names.INPUT, *names.OUTPUT))


def native(span: Span, *, price: PriceFrom, is_repeating: bool = False) -> dict[str, Any]:
    """The span as a native usage event. `is_repeating`: a span below it has already reported its tokens."""
    attributes = span.attributes
    operation = operation_of(span)
    event: dict[str, Any] = {
        "id": f"{span.trace_id}-{span.span_id}" if span.trace_id and span.span_id else "",
        "source": SOURCE,
        "occurred_at": instant(span.started_ns),
        "provider": provider_of(first_value(attributes, names.PROVIDERS)) or "unknown",
        "model": model_of(span),
        "operation": operation,
        "status": "error" if span.has_failed or "error.type" in attributes else "success",
        "attributes": _attributes(span),
        "task_id": span.trace_id,
        "session_id": first_value(attributes, names.SESSIONS) or "",
        "latency_ms": latency_ms(span),
    }
    event |= {
        field: span.attributes.get(OWN_PREFIX + name, span.resource.get(OWN_PREFIX + name))
        for name, field in _OWN_FIELDS.items()
        if OWN_PREFIX + name in span.attributes or OWN_PREFIX + name in span.resource
    }
    if is_orchestration(span) and not (_runs_elsewhere(span) and not is_repeating):
        kind, name = _ORCHESTRATION.get(str(operation), _unnamed(str(operation)))
        # It costs nothing itself; the calls it makes are records of their own.
        return event | {"provider": kind, "model": attributes.get(name) or str(operation), "cost": "0"}
    event["service_tier"] = service_tier(first_value(attributes, _TIERS) or "")
    event["tokens"] = tokens_of(attributes)
    if price == "billed" and event["status"] == "success":
        cost = claimed_cost(attributes.get("gen_ai.usage.cost"), event["tokens"])
        event |= {} if cost is None else {"cost": cost}
    return event


def _runs_elsewhere(span: Span) -> bool:
    """The conventions' remote agent, a client span: its model calls run where this process does not see them, so that
    the tokens it reports are not counted elsewhere. Within one process an agent's tokens are the sum of its calls'.
    """
    return span.is_client and span.attributes.get("gen_ai.operation.name") == INVOKE_AGENT and has_tokens(span)


def first_value(attributes: Any, aliases: tuple[str, ...]) -> Scalar | None:
    """The first value that is not empty; None when all are."""
    return next((attributes[name] for name in aliases if attributes.get(name)), None)


def provider_of(name: object) -> object:
    """The provider's name in gateways and price catalogues."""
    if not isinstance(name, str):
        return name
    lower_case = name.strip().lower()
    return _PROVIDERS.get(lower_case, lower_case)


def tokens_of(attributes: Any) -> dict[str, Any]:
    """The token counts of a native event: five, and what was written to a cache for an hour where a span states it."""
    tokens = parts_fitted(
        *(
            first_value(attributes, of_one) or 0
            for of_one in (names.INPUT, names.CACHED, names.WRITTEN, names.OUTPUT, names.REASONING)
        )
    )
    for_an_hour = first_value(attributes, names.WRITTEN_1H)
    return tokens | ({"cache_write_1h": for_an_hour} if for_an_hour else {})


def _unnamed(operation: str) -> tuple[str, str]:
    """For an operation that the conventions do not list: what kind of thing it is, and what names it."""
    return ("memory", "gen_ai.data_source.id") if _MEMORY in operation else ("agent", "gen_ai.agent.name")


def latency_ms(span: Span) -> int | None:
    """In milliseconds, from times rounded to microseconds like the stored start; None for impossible times."""
    lasted = microseconds(span.ended_ns) - microseconds(span.started_ns)
    return round(lasted / 1000) if span.started_ns and 0 <= lasted < 10**12 else None


def _attributes(span: Span) -> dict[str, str]:
    all_attributes = {**span.resource, **span.attributes}
    attributes = {
        name.removeprefix(OWN_PREFIX): value
        for name, value in all_attributes.items()
        if name.startswith(OWN_PREFIX) and name.removeprefix(OWN_PREFIX) not in _OWN_FIELDS
    }
    attributes |= {
        name: value for name, aliases in _ATTRIBUTES if (value := first_value(all_attributes, aliases)) is not None
    }
    attributes |= {
        name.removeprefix(names.ASSOCIATION_PREFIX): value
        for name, value in all_attributes.items()
        if name.startswith(names.ASSOCIATION_PREFIX) and name not in (*names.SESSIONS, *names.PEOPLE)
    }
    person = first_value(all_attributes, names.PEOPLE)
    if isinstance(person, str):
        attributes["end_user"] = pseudonym(person)
    return {name: _text(value) for name, value in attributes.items() if name}


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
