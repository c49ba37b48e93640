"""How much may be granted in an emergency: shares of the budget's own amount, so that they hold in every unit."""

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Caps:
    """In percent of a period's amount: of all emergencies of the period together, and of one UTC day. 0: none."""

    period_percent: int
    day_percent: int


def left_for_emergencies(caps: Caps, amount: Decimal, *, in_period: Decimal, today: Decimal) -> Decimal:
    """What may still be granted now of a budget of `amount`, after what was granted so in the period and today,
    whatever became of it; never below zero.
    """
    of_period = amount * caps.period_percent / 100 - in_period
    of_day = amount * caps.day_percent / 100 - today
    return max(min(of_period, of_day), ZERO)
