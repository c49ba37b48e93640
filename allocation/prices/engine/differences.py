"""What differs between two sets of prices, by model and meter."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

HUNDREDTH = Decimal("0.01")


class PriceKey(NamedTuple):
    """The model, service tier, context tier, meter and region that a price is for; the region is empty for a price
    that holds wherever no other does.
    """

    provider: str
    model: str
    service_tier: str
    above_input_tokens: int
    meter: str
    region: str = ""

    def __str__(self) -> str:
        """`openai/gpt-5 batch above 200,000 tokens input in eu-*`; the standard service tier, the base and an
        empty region are left out.
        """
        tier = "" if self.service_tier == "standard" else f" {self.service_tier}"
        above = f" above {self.above_input_tokens:,} tokens" if self.above_input_tokens else ""
        region = f" in {self.region}" if self.region else ""
        return f"{self.provider}/{self.model}{tier}{above} {self.meter}{region}"


Prices = Mapping[PriceKey, Decimal]


@dataclass(frozen=True, slots=True)
class Difference:
    """One price in two sets; None in the set that does not state it."""

    key: PriceKey
    before: Decimal | None
    after: Decimal | None

    @property
    def percent(self) -> Decimal | None:
        """The change in percent, to two decimal places; None where a price is missing or the first is 0."""
        if not self.before or self.after is None:
            return None
        return ((self.after - self.before) / self.before * 100).quantize(HUNDREDTH)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences, in the order of their keys. `same` counts the prices on which both sets agree."""

    changed: tuple[Difference, ...]
    only_before: tuple[Difference, ...]
    only_after: tuple[Difference, ...]
    same: int


def compare_prices(before: Prices, after: Prices) -> Comparison:
    """Compares prices of the same currency, which it does not check."""
    differing = [
        Difference(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    return Comparison(
        changed=tuple(
            difference for difference in differing if difference.before is not None and difference.after is not None
        ),
        only_before=tuple(difference for difference in differing if difference.after is None),
        only_after=tuple(difference for difference in differing if difference.before is None),
        same=len(before.keys() & after.keys())
        - sum(1 for difference in differing if None not in {difference.before, difference.after}),
    )
