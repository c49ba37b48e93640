"""Attributed outcomes of a batch, and their sums per scope, day, kind and name."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from allocation.outcomes.documents import OutcomeEvent

ZERO = Decimal(0)
NINE_PLACES = Decimal("1e-9")


class PlacedOutcome(NamedTuple):
    """An outcome with its scope. `identity` is hexadecimal; `booked_on` is the UTC day it counts on; `root_id` is its
    organisation.
    """

    identity: str
    event: OutcomeEvent
    scope_id: int
    attribution: str
    booked_on: date
    root_id: int

    @property
    def key(self) -> tuple[str, str]:
        """What makes the outcome unique in the database."""
        return self.identity, self.event.occurred_at.astimezone(UTC).isoformat()


class OutcomeKey(NamedTuple):
    """What outcomes are summed by. Its order is the order in which the sums' rows are locked."""

    scope_id: int
    day: date
    kind: str
    name: str


@dataclass(slots=True)
class OutcomeSums:
    """Counts of outcomes. `quality_sum` adds scores times their quantity, `quality_count` the quantity with a score."""

    count: int = 0
    successful: int = 0
    flagged: int = 0
    value: Decimal = ZERO
    quality_sum: Decimal = ZERO
    quality_count: int = 0

    def add(self, sums: "OutcomeSums") -> None:
        """Adds other sums of the same scope, day, kind and name."""
        self.count += sums.count
        self.successful += sums.successful
        self.flagged += sums.flagged
        self.value += sums.value
        self.quality_sum += sums.quality_sum
        self.quality_count += sums.quality_count


def rounded_value(event: OutcomeEvent) -> Decimal | None:
    """The value in its own currency, rounded half to even to nine decimal places; None when none is stated."""
    return None if event.value is None else event.value.amount.quantize(NINE_PLACES, rounding=ROUND_HALF_EVEN)


def by_day(outcomes: Iterable[PlacedOutcome]) -> dict[OutcomeKey, OutcomeSums]:
    """The sums of outcomes by the day they count on."""
    totals: dict[OutcomeKey, OutcomeSums] = {}
    for placed in outcomes:
        event = placed.event
        sums = totals.setdefault(OutcomeKey(placed.scope_id, placed.booked_on, event.kind, event.name), OutcomeSums())
        sums.count += event.quantity
        sums.successful += event.quantity if event.success else 0
        sums.flagged += event.quantity if event.safety_flags else 0
        sums.value += rounded_value(event) or ZERO
        if event.quality_score is not None:
            sums.quality_sum += event.quality_score * event.quantity
            sums.quality_count += event.quantity
    return totals
