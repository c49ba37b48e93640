"""A coding agent's log event of a model call as a native usage event, by its emitter's row. Texts of prompts, answers
and errors are attributes that are not read.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any

from allocation.prices.engine.catalogue import catalogue_entry
from allocation.prices.engine.rates import NANO, RateCard, Rates
from allocation.sources.documents import PriceFrom
from allocation.usage.importers.litellm import claim_of, parts_fitted
from allocation.usage.importers.otlp.emitters import PEOPLE, Emitter
from allocation.usage.importers.otlp.genai import (
    SOURCE,
    attributes_of,
    first_value,
    native_fields,
)
from allocation.usage.importers.otlp.signals import LogRecord
from allocation.usage.importers.otlp.spans import Scalar, instant

COMPLETED = "response.completed"
FAILED = "response.failed"
ERROR_FROM = 400
_STATUS = ("status_code", "http.response.status_code", "http.status_code")
_MODELS = ("model", "model_name")
# A client's own mark of a long context, which is no part of the model's name.
_CONTEXT_MARK = re.compile(r"\[\w+\]$")
_WHOLE = re.compile(r"-?\d{1,18}")
_KINDS = ("input", "cached_input", "cache_write", "output", "reasoning")
# Of token counts that a claimed cost gives away, how far from a whole number one may be.
_NEARLY = Decimal("0.001")


def states_call(record: LogRecord, emitter: Emitter) -> bool:
    """Whether the event tells of a call, or of one that failed; some events only announce or repeat it."""
    if record.name in emitter.failures:
        return has_failed(record, emitter)
    kind = record.attributes.get("event.kind")
    if kind == FAILED:
        return True
    return kind in (None, COMPLETED) and any(name in record.attributes for name in emitter.quantities.values())


def has_failed(record: LogRecord, emitter: Emitter) -> bool:
    """Whether the event says that the call failed. An event of a request that succeeded may bear the same name."""
    if record.attributes.get("event.kind") == FAILED:
        return True
    status = _whole(first_value(record.attributes, _STATUS))
    return record.name in emitter.failures and (status is None or type(status) is not int or status >= ERROR_FROM)


def native(record: LogRecord, emitter: Emitter, *, price: PriceFrom) -> dict[str, Any]:
    """The event as a native usage event. `occurred_at` is when it was recorded: the end of the call."""
    attributes = record.attributes
    model = _model(attributes)
    event: dict[str, Any] = {
        "id": _identity(record, emitter),
        "source": SOURCE,
        "occurred_at": _occurred_at(record),
        "provider": _provider(emitter, model, attributes),
        "model": model,
        "status": "error" if has_failed(record, emitter) else "success",
        "attributes": attributes_of({**record.resource, **attributes}, PEOPLE),
        "task_id": _of(record, emitter, "task") or record.trace_id,
        "session_id": _of(record, emitter, "session"),
        "latency_ms": _latency_ms(attributes),
        "tokens": _tokens(attributes, emitter),
    }
    event |= native_fields(attributes, record.resource)
    speed = attributes.get("speed")
    if speed and speed != "normal":
        event["service_tier"] = str(speed)
    elif emitter.claims:
        event["tokens"] |= _written_for_an_hour(event, attributes.get(emitter.claims))
    return event | claim_of(_number(attributes.get(emitter.claims)), event, price)


def _tokens(attributes: Mapping[str, Scalar], emitter: Emitter) -> dict[str, Any]:
    """With the parts inside their totals. Counts that are none are left for the event's schema to refuse."""
    stated = {kind: _whole(attributes.get(name)) for kind, name in emitter.quantities.items()}
    counts: dict[str, Any] = {kind: 0 if count is None else count for kind, count in stated.items()}
    if not all(type(count) is int and count >= 0 for count in counts.values()):
        return {kind: counts.get(kind, 0) for kind in _KINDS}
    for kind in emitter.beside:
        counts["output" if kind == "reasoning" else "input"] += counts[kind]
    return parts_fitted(*(counts.get(kind, 0) for kind in _KINDS))


def _written_for_an_hour(event: Mapping[str, Any], claimed: object) -> dict[str, int]:
    """How many of the tokens written to a cache are kept for an hour, where only the cost that the emitter claims tells
    it: reckoned at list prices, so that what is claimed above them is the dearer writes. Empty where that is no whole
    number of tokens.
    """
    tokens, cost = event["tokens"], _number(claimed)
    at = event["occurred_at"]
    if not isinstance(cost, int | float) or not tokens["cache_write"] or not at:
        return {}
    card = catalogue_entry(event["provider"], str(event["model"]), "standard", datetime.fromisoformat(at))
    if not isinstance(card, RateCard) or not all(type(count) is int for count in tokens.values()):
        return {}
    rates = card.rates_of(card.tier_of(tokens["input"], 1))
    dearer = (rates.of("cache_write_1h") or 0) - rates.cache_write
    above = Decimal(repr(cost)) * NANO * card.divisor - _listed(tokens, rates)
    if dearer <= 0:
        return {}
    count = above / dearer
    whole = round(count)
    is_whole = abs(count - whole) <= _NEARLY and 0 < whole <= tokens["cache_write"]
    return {"cache_write_1h": whole} if is_whole else {}


def _listed(tokens: Mapping[str, int], rates: Rates) -> int:
    return (
        (tokens["input"] - tokens["cached_input"] - tokens["cache_write"]) * rates.input
        + tokens["cached_input"] * rates.cached_input
        + tokens["cache_write"] * rates.cache_write
        + tokens["output"] * rates.output
    )


def _identity(record: LogRecord, emitter: Emitter) -> str:
    """A digest of what tells the event from others of its session, the same however often it is sent."""
    told = [
        emitter.name, record.name, record.trace_id, _occurred_at(record), _of(record, emitter, "session"),
        _of(record, emitter, "task"), _of(record, emitter, "number"), str(record.attributes.get("request_id", "")),
        *(str(record.attributes.get(name, "")) for name in ("model", *emitter.quantities.values())),
    ]  # fmt: skip
    return blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()


def _of(record: LogRecord, emitter: Emitter, part: str) -> str:
    """The session, task or number of the event, from itself or from its resource."""
    name = emitter.more.get(part, "")
    value = record.attributes.get(name, record.resource.get(name, ""))
    return str(value)


def _occurred_at(record: LogRecord) -> str | None:
    stated = record.attributes.get("event.timestamp")
    if not record.at_ns and isinstance(stated, str):
        try:
            at = datetime.fromisoformat(stated)
        except ValueError:
            at = None
        if at is not None:
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
    return instant(record.at_ns or record.observed_ns)


def _model(attributes: Mapping[str, Scalar]) -> Scalar | None:
    model = first_value(attributes, _MODELS)
    return _CONTEXT_MARK.sub("", model) if isinstance(model, str) else model


def _provider(emitter: Emitter, model: object, attributes: Mapping[str, Scalar]) -> str:
    """Who served the call: the emitter's own provider, or the cloud that the model's name or the sign-in shows."""
    name = str(model)
    if emitter.more["provider"] == "anthropic" and "anthropic." in name:
        return "bedrock"
    if (emitter.more["provider"] == "anthropic" and "@" in name) or attributes.get("auth_type") == "vertex-ai":
        return "vertex_ai"
    return emitter.more["provider"]


def _latency_ms(attributes: Mapping[str, Scalar]) -> int | None:
    lasted = _number(attributes.get("duration_ms"))
    return round(lasted) if isinstance(lasted, int | float) and 0 <= lasted < 10**9 else None


def _whole(value: Scalar | None) -> Scalar | None:
    """Some emitters write counts as text."""
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value.strip()) else value


def _number(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return float(number) if number.is_finite() else None
