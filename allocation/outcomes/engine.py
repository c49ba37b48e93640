"""Outcomes of a batch, with their places found, as sums per scope, day and name."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from allocation.outcomes.documents import OutcomeEvent

NOTHING = Decimal(0)
NINE_PLACES = Decimal("1e-9")


class PlacedOutcome(NamedTuple):
    """`identity` is hexadecimal; `booked_on` the UTC day it counts on."""

    identity: str
    event: OutcomeEvent
    scope_id: int
    attribution: str
    booked_on: date

    @property
    def key(self) -> tuple[str, str]:
        return self.identity, self.event.occurred_at.astimezone(UTC).isoformat()


class OutcomeKey(NamedTuple):
    """In the order in which rows are locked."""

    scope_id: int
    day: date
    kind: str
    name: str


@dataclass(slots=True)
class OutcomeSums:
    """`quality_sum` weighs each score by its quantity, `quality_count` counts what has one."""

    count: int = 0
    successful: int = 0
    flagged: int = 0
    value: Decimal = NOTHING
    quality_sum: Decimal = NOTHING
    quality_count: int = 0

    def add(self, other: "OutcomeSums") -> None:
        self.count += other.count
        self.successful += other.successful
        self.flagged += other.flagged
        self.value += other.value
        self.quality_sum += other.quality_sum
        self.quality_count += other.quality_count


def money_of(event: OutcomeEvent) -> Decimal | None:
    return None if event.value is None else event.value.amount.quantize(NINE_PLACES, rounding=ROUND_HALF_EVEN)


def by_day(outcomes: Iterable[PlacedOutcome]) -> dict[OutcomeKey, OutcomeSums]:
    totals: dict[OutcomeKey, OutcomeSums] = {}
    for placed in outcomes:
        event = placed.event
        sums = totals.setdefault(OutcomeKey(placed.scope_id, placed.booked_on, event.kind, event.name), OutcomeSums())
        sums.count += event.quantity
        sums.successful += event.quantity if event.success else 0
        sums.flagged += event.quantity if event.safety_flags else 0
        sums.value += money_of(event) or NOTHING
        if event.quality_score is not None:
            sums.quality_sum += event.quality_score * event.quantity
            sums.quality_count += event.quantity
    return totals
