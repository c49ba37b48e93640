"""What a refused record would cost at list prices, so that nobody overlooks it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from allocation.meters.documents import Fault, read_event
from allocation.prices.engine.rates import NANO
from allocation.usage.engine.call_prices import price_of
from allocation.usage.engine.costing import Organisation, PricingContext

_PRICED_BY = (
    "provider", "model", "service_tier", "tokens", "requests", "gpu_seconds", "quantities", "status", "cached_response",
)  # fmt: skip


def estimated_cost(payload: Mapping[str, Any], context: PricingContext) -> Decimal | None:
    """In the organisation's currency; None where its prices say nothing, or the record's quantities cannot be read."""
    organisation = _organisation(payload, context)
    if organisation is None:
        return None
    stated = {name: payload[name] for name in _PRICED_BY if name in payload}
    identity = {"id": "?", "source": "?", "occurred_at": datetime.fromtimestamp(context.at_s, UTC).isoformat()}
    event = read_event(json.dumps({**stated, **identity}).encode())
    if isinstance(event, Fault):
        return None
    price = price_of(event, organisation.prices, context.at_s)
    return None if isinstance(price, Fault) or price.cost_nanos is None else Decimal(price.cost_nanos) / NANO


def _organisation(payload: Mapping[str, Any], context: PricingContext) -> Organisation | None:
    if context.home is not None:
        return context.home
    root = context.open_scopes.get(str(payload.get("scope", "")).partition("/")[0])
    return None if root is None else context.organisations[root[1]]
