"""What refused records say they cost, and what waits in quarantine, in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from governance.charts.engine.numbers import count, money

AMOUNT_MAX = Decimal(10) ** 12
PLACES = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in a currency; empty: that of the organisation. `is_estimate`: reckoned at list prices."""

    amount: Decimal
    currency: str = ""
    is_estimate: bool = False


@dataclass(frozen=True, slots=True)
class WaitingAmount:
    """The records of one currency that state an amount, or can be estimated at one."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in quarantine. `without_amount` counts records of which nobody knows what they cost."""

    records: int
    without_amount: int
    oldest_at: datetime
    amounts: Sequence[WaitingAmount]

    @property
    def sentence(self) -> str:
        """Money first, then the records."""
        number = "1 record waits" if self.records == 1 else f"{count(self.records)} records wait"
        oldest = f"the oldest since {self.oldest_at:%d %B %Y %H:%M} UTC"
        if not self.amounts:
            return f"{number} in quarantine, of which nobody knows what they cost, {oldest}."
        sums = " and ".join(money(each.amount, each.currency) for each in self.amounts)
        unknown = f", {count(self.without_amount)} of them without a known amount" if self.without_amount else ""
        return f"{sums} not counted yet: {number} in quarantine{unknown}, {oldest}."


def claimed(payload: Mapping[str, Any] | None) -> Amount | None:
    """What a kept record states as its cost, or else claims; None where it states nothing that is an amount."""
    stated = (payload or {}).get("cost")
    if stated is None:
        stated = (payload or {}).get("claimed_cost")
    currency = ""
    if isinstance(stated, Mapping):
        named = stated.get("currency")
        stated, currency = stated.get("amount"), named.upper() if isinstance(named, str) else ""
    if isinstance(stated, bool) or not isinstance(stated, str | int | float | Decimal):
        return None
    try:
        amount = Decimal(str(stated))
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) >= AMOUNT_MAX or len(currency) not in {0, 3}:
        return None
    return Amount(amount.quantize(PLACES), currency)
