"""What differs between two sets of prices, by model and meter."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

HUNDREDTH = Decimal("0.01")


class Place(NamedTuple):
    provider: str
    model: str
    service_tier: str
    above_input_tokens: int
    meter: str

    def __str__(self) -> str:
        tier = "" if self.service_tier == "standard" else f" {self.service_tier}"
        above = f" above {self.above_input_tokens:,} tokens" if self.above_input_tokens else ""
        return f"{self.provider}/{self.model}{tier}{above} {self.meter}"


Prices = Mapping[Place, Decimal]


@dataclass(frozen=True, slots=True)
class Difference:
    """None: not stated there."""

    place: Place
    before: Decimal | None
    after: Decimal | None

    @property
    def percent(self) -> Decimal | None:
        """To two places; None where one of the two is missing or the first is 0."""
        if not self.before or self.after is None:
            return None
        return ((self.after - self.before) / self.before * 100).quantize(HUNDREDTH)


@dataclass(frozen=True, slots=True)
class Comparison:
    """In the order of the places. `same` counts the prices on which both agree."""

    changed: tuple[Difference, ...]
    only_before: tuple[Difference, ...]
    only_after: tuple[Difference, ...]
    same: int


def compared(before: Prices, after: Prices) -> Comparison:
    differing = [
        Difference(place, before.get(place), after.get(place))
        for place in sorted(before.keys() | after.keys())
        if before.get(place) != after.get(place)
    ]
    return Comparison(
        changed=tuple(one for one in differing if one.before is not None and one.after is not None),
        only_before=tuple(one for one in differing if one.after is None),
        only_after=tuple(one for one in differing if one.before is None),
        same=len(before.keys() & after.keys()) - sum(1 for one in differing if None not in {one.before, one.after}),
    )
