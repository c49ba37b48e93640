"""Usage that names the reservation it was made under, summed by reservation."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from allocation.prices.engine.rates import from_nanos
from allocation.usage.engine.attributes import RESERVATION, RESERVATION_TAG
from allocation.usage.engine.costing import CostedRecord

NO_GPU = Decimal(0)


@dataclass(slots=True)
class ReservedUsage:
    """What the calls of one scope used that name the same reservation. `has_succeeded`: at least one of them did."""

    reservation: UUID
    scope_id: int
    cost_nanos: int = 0
    tokens: int = 0
    requests: int = 0
    gpu_seconds: Decimal = NO_GPU
    has_succeeded: bool = False

    @property
    def cost(self) -> Decimal:
        """In the organisation's currency."""
        return from_nanos(self.cost_nanos)


def reserved_usage(records: Iterable[CostedRecord]) -> list[ReservedUsage]:
    """By reservation and scope; a name that is no UUID is an attribute as any other."""
    sums: dict[tuple[UUID, int], ReservedUsage] = {}
    for record in records:
        event = record.event
        if event.attributes is None:
            continue
        named = _named(event.attributes.get(RESERVATION) or event.attributes.get(RESERVATION_TAG))
        if named is None:
            continue
        used = sums.setdefault((named, record.scope_id), ReservedUsage(named, record.scope_id))
        used.cost_nanos += record.cost_nanos or 0
        used.tokens += event.tokens.input + event.tokens.output
        used.requests += event.requests
        used.gpu_seconds += event.gpu_seconds or 0
        used.has_succeeded = used.has_succeeded or (event.status != "error" and event.requests > 0)
    return [sums[key] for key in sorted(sums)]


def _named(stated: str | None) -> UUID | None:
    if not stated:
        return None
    try:
        return UUID(stated)
    except ValueError:
        return None
