"""Prices of an organisation's own books: the first entry to match provider, model, service tier and instant holds."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from allocation.prices.documents import DailyHours
from allocation.prices.engine.exchange import Rate
from allocation.prices.engine.rates import RateCard, rate_card
from governance.calendar.engine import is_in_force
from governance.documents.engine.globs import compiled_glob, is_glob

EXACT_NAME, ALIAS, PATTERN = "exact", "alias", "pattern"
# By bound of the context tier, 0 for the base: prices by meter.
Tiers = Mapping[int, Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True)
class PriceMatch:
    """Which entry of a book or model of the catalogue prices a call, and how its names were found: `exact`, by an
    `alias` that the catalogue knows, or by a `pattern`.
    """

    source: str
    entry: str
    how: str


@dataclass(frozen=True, eq=False, slots=True)
class BookEntry:
    """`provider` and `model` are exact names or patterns with `*`; the validity is half-open. `prices` are what is
    paid. `listed` are the list prices where they differ; `is_list` is False for contracted prices without list prices.
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
    # Empty: the organisation's own.
    currency: str = ""
    # None: all day.
    hours: DailyHours | None = None
    # A name or a pattern with `*`; empty: wherever no other entry of these names holds.
    region: str = ""

    def match(self, provider: str, model: str) -> PriceMatch:
        """How the entry was found for a call of these names."""
        how = EXACT_NAME if (self.provider, self.model) == (provider, model) else PATTERN
        return PriceMatch(self.source, f"{self.provider}/{self.model}", how)

    def holds(self, at: datetime) -> bool:
        """Whether the price is in force at the instant."""
        if self.hours is not None and not self.hours.hold(at):
            return False
        return is_in_force(self.effective_from, self.effective_to, at)

    def is_in(self, region: str) -> bool:
        """Whether the price holds in the region, an empty one where the call names none."""
        return not self.region or bool(region and compiled_glob(self.region.lower()).match(region.lower()))

    @property
    def distance(self) -> tuple[int, int]:
        """The smaller, the closer: a region's own name, then the longer pattern, then everywhere."""
        if not self.region:
            return (2, 0)
        return (int(is_glob(self.region)), -len(self.region))

    def edges(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Instants at which it may begin or cease to hold; those of its hours within [since, until]."""
        yield self.effective_from
        if self.effective_to is not None:
            yield self.effective_to
        if self.hours is not None:
            yield from self.hours.edges(since, until)

    def card(self, rate: Rate | None = None, unstated: Iterable[int] = ()) -> RateCard:
        """The prices as a rate card in the organisation's currency; `rate` converts the book's where they differ. Above
        the bounds in `unstated` tokens have no price.
        """
        version = f"{self.version} {rate.name}" if rate else self.version
        without: Tiers = {bound: {} for bound in unstated}
        paid = rate_card(self.source, version, {**converted(self.prices, rate), **without})
        if self.listed is None:
            return paid
        return replace(paid, listed=rate_card(self.source, version, {**converted(self.listed, rate), **without}))

    def bounds_above(self, entry: "BookEntry") -> list[int]:
        """The bounds of this entry's context tiers above all of the other's."""
        return [bound for bound in self.prices if bound > max(entry.prices)]


def converted(tiers: Tiers, rate: Rate | None) -> Tiers:
    """Prices in the currency that `rate` leads to; unchanged without one."""
    if rate is None:
        return tiers
    return {bound: {meter: rate.convert(price) for meter, price in prices.items()} for bound, prices in tiers.items()}


@dataclass(slots=True)
class PriceBooks:
    """Entries indexed by name, so that a look-up reads those of the model and the few patterns, not thousands."""

    entries: Iterable[BookEntry]
    _exact: dict[tuple[str, str, str], list[tuple[int, BookEntry]]] = field(default_factory=dict, init=False)
    _patterns: list[tuple[int, BookEntry, re.Pattern[str], re.Pattern[str]]] = field(default_factory=list, init=False)
    # Whether an entry asks for the region of a call.
    by_region: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        for position, entry in enumerate(self.entries):
            self.by_region = self.by_region or bool(entry.region)
            if is_glob(entry.provider) or is_glob(entry.model):
                names = compiled_glob(entry.provider), compiled_glob(entry.model)
                self._patterns.append((position, entry, *names))
            else:
                key = (entry.provider, entry.model, entry.service_tier)
                self._exact.setdefault(key, []).append((position, entry))

    def matching(self, provider: str, model: str, service_tier: str, region: str = "") -> Sequence[BookEntry]:
        """Entries that match by name and region, in the order of the books, whatever their validity. Of those of the
        same names in one book the one with the closest region comes first.
        """
        numbered = list(self._exact.get((provider, model, service_tier), ()))
        numbered += [
            (position, entry)
            for position, entry, providers, models in self._patterns
            if entry.service_tier == service_tier and providers.match(provider) and models.match(model)
        ]
        numbered.sort(key=lambda numbered_entry: numbered_entry[0])
        entries = [entry for _, entry in numbered]
        return _closest_first(entries, region) if self.by_region else entries


def _closest_first(entries: Sequence[BookEntry], region: str) -> list[BookEntry]:
    """Those that hold in the region; one for a region goes before what its book says first of the same names."""
    here = [entry for entry in entries if entry.is_in(region)]
    first: dict[tuple[str, ...], int] = {}
    for place, entry in enumerate(here):
        first.setdefault((entry.source, entry.provider, entry.model), place)
    order = [
        (first[entry.source, entry.provider, entry.model] if entry.region else place, *entry.distance, place)
        for place, entry in enumerate(here)
    ]
    return [here[place] for *_, place in sorted(order)]
