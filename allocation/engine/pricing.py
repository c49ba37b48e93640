"""The price of a model at an instant for one organisation: its own price books first, then the dated catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from allocation.engine.catalogue import CURRENCY, CalculatedCard, CatalogueEntry, Hourly, catalogue_entry
from allocation.engine.pricebook import BookEntry, matching
from allocation.engine.rates import RateCard

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Names come from senders: past this many the cache starts anew instead of growing.
CACHE_MAX = 20_000


@dataclass(frozen=True, slots=True)
class WithinTheDay:
    """The price changes during the day: looked up for each record."""

    entries: tuple[BookEntry, ...]
    otherwise: CatalogueEntry

    def at(self, at: datetime) -> RateCard | CalculatedCard | None:
        for entry in self.entries:
            if entry.holds(at):
                return entry.card
        return self.otherwise.at(at) if isinstance(self.otherwise, Hourly) else self.otherwise


DayPrice = RateCard | CalculatedCard | WithinTheDay | None


@dataclass(slots=True)
class PriceList:
    """All prices of one organisation. The catalogue is in US dollars and prices organisations that count in them."""

    currency: str
    entries: Sequence[BookEntry] = ()
    cache: dict[tuple[str, str, str, int], DayPrice] = field(default_factory=dict)

    def of_day(self, provider: str, model: str, service_tier: str, day: int) -> DayPrice:
        """`day` counts UTC days from 1970-01-01."""
        key = (provider, model, service_tier, day)
        if key not in self.cache:
            if len(self.cache) >= CACHE_MAX:
                self.cache.clear()
            self.cache[key] = self._find(*key)
        return self.cache[key]

    def at(self, provider: str, model: str, service_tier: str, at: datetime) -> RateCard | CalculatedCard | None:
        price = self.of_day(provider, model, service_tier, (at - EPOCH).days)
        return price.at(at) if isinstance(price, WithinTheDay) else price

    def _find(self, provider: str, model: str, service_tier: str, day: int) -> DayPrice:
        start = EPOCH + day * DAY
        known = matching(self.entries, provider, model, service_tier)
        relevant = tuple(
            entry for entry in known
            if entry.effective_from < start + DAY and (entry.effective_to is None or entry.effective_to > start)
        )  # fmt: skip
        whole_day = relevant and relevant[0].holds(start) and relevant[0].holds(start + DAY - timedelta(microseconds=1))
        if whole_day:
            return relevant[0].card
        otherwise = catalogue_entry(provider, model, service_tier, start) if self.currency == CURRENCY else None
        if relevant or isinstance(otherwise, Hourly):
            return WithinTheDay(relevant, otherwise)
        return otherwise
