"""Our own dated prices: the first entry that matches provider, model, service tier and instant holds."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fnmatch import translate

from allocation.prices.engine.exchange import Rate
from allocation.prices.engine.rates import RateCard, rate_card
from governance.calendar.engine import is_in_force

# By bound of the context tier, 0 for the base: prices by meter.
Tiers = Mapping[int, Mapping[str, Decimal]]
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, eq=False, slots=True)
class BookEntry:
    """`provider` and `model` are exact names or patterns with `*`; the validity is half-open. `prices` are what is
    paid. `listed` are the list prices where they differ; a contract that does not state them has `is_list` False.
    """

    provider: str
    model: str
    service_tier: str
    effective_from: datetime
    effective_to: datetime | None
    source: str
    version: str
    prices: Tiers
    listed: Tiers | None = None
    is_list: bool = True
    # The organisation's own when empty.
    currency: str = ""

    def holds(self, at: datetime) -> bool:
        return is_in_force(self.effective_from, self.effective_to, at)

    def card(self, rate: Rate | None = None) -> RateCard:
        """In the organisation's currency, which `rate` leads to."""
        version = f"{self.version} {rate.name}" if rate else self.version
        paid = rate_card(self.source, version, converted(self.prices, rate))
        if self.listed is None:
            return paid
        return replace(paid, listed=rate_card(self.source, version, converted(self.listed, rate)))


def converted(tiers: Tiers, rate: Rate | None) -> Tiers:
    if rate is None:
        return tiers
    return {bound: {meter: rate.convert(price) for meter, price in prices.items()} for bound, prices in tiers.items()}


@dataclass(slots=True)
class PriceBooks:
    """Entries by name: of thousands only those of the model, and the few patterns, are looked at."""

    entries: Iterable[BookEntry]
    _exact: dict[tuple[str, str, str], list[tuple[int, BookEntry]]] = field(default_factory=dict, init=False)
    _patterns: list[tuple[int, BookEntry, re.Pattern[str], re.Pattern[str]]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        for place, entry in enumerate(self.entries):
            if _PATTERN.search(entry.provider) or _PATTERN.search(entry.model):
                names = re.compile(translate(entry.provider)), re.compile(translate(entry.model))
                self._patterns.append((place, entry, *names))
            else:
                key = (entry.provider, entry.model, entry.service_tier)
                self._exact.setdefault(key, []).append((place, entry))

    def matching(self, provider: str, model: str, service_tier: str) -> Sequence[BookEntry]:
        """In the order of the books."""
        found = list(self._exact.get((provider, model, service_tier), ()))
        found += [
            (place, entry)
            for place, entry, providers, models in self._patterns
            if entry.service_tier == service_tier and providers.match(provider) and models.match(model)
        ]
        return [entry for _, entry in sorted(found, key=lambda each: each[0])]
