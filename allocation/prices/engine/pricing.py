"""The price of a model at an instant for one organisation: its own price books first, then the dated catalogue."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from allocation.prices.engine.catalogue import CURRENCY, CalculatedCard, CatalogueEntry, Hourly, catalogue_entry
from allocation.prices.engine.exchange import ExchangeRates, Rate, RateMissing
from allocation.prices.engine.price_books import BookEntry, PriceBooks
from allocation.prices.engine.rates import RateCard
from governance.calendar.engine import DAY

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Names come from senders: past this many the cache starts anew instead of growing.
CACHE_MAX = 20_000
# What holds at an instant. RateMissing: there is a price, in a currency that nobody has stated a rate for.
Price = RateCard | CalculatedCard | RateMissing | None


@dataclass(frozen=True, slots=True)
class WithinTheDay:
    """The price changes during the day: looked up for each record. `starts` are instants, the first the day's own."""

    starts: tuple[datetime, ...]
    prices: tuple[Price | Hourly, ...]

    def at(self, at: datetime) -> Price:
        price = self.prices[bisect_right(self.starts, at) - 1]
        return price.at(at) if isinstance(price, Hourly) else price


DayPrice = Price | WithinTheDay


@dataclass(slots=True)
class PriceList:
    """All prices of one organisation. The catalogue is in US dollars: where the organisation counts in another
    currency it prices only with an exchange rate.
    """

    currency: str
    entries: Sequence[BookEntry] = ()
    rates: ExchangeRates = field(default_factory=lambda: ExchangeRates(""))
    cache: dict[tuple[str, str, str, int], DayPrice] = field(default_factory=dict)
    books: PriceBooks = field(init=False)

    def __post_init__(self) -> None:
        self.books = PriceBooks(self.entries)
        if not self.rates.currency:
            self.rates = ExchangeRates(self.currency)

    def of_day(self, provider: str, model: str, service_tier: str, day: int) -> DayPrice:
        """`day` counts UTC days from 1970-01-01."""
        key = (provider, model, service_tier, day)
        if key not in self.cache:
            if len(self.cache) >= CACHE_MAX:
                self.cache.clear()
            self.cache[key] = self._find(*key)
        return self.cache[key]

    def at(self, provider: str, model: str, service_tier: str, at: datetime) -> Price:
        price = self.of_day(provider, model, service_tier, (at - EPOCH).days)
        return price.at(at) if isinstance(price, WithinTheDay) else price

    def rate(self, currency: str, day: int) -> Rate | RateMissing | None:
        """None where nothing is to be converted."""
        return None if currency in {"", self.currency} else self.rates.on(currency, day)

    def _find(self, provider: str, model: str, service_tier: str, day: int) -> DayPrice:
        start, end = EPOCH + day * DAY, EPOCH + (day + 1) * DAY
        entries = [
            entry
            for entry in self.books.matching(provider, model, service_tier)
            if entry.effective_from < end and (entry.effective_to is None or entry.effective_to > start)
        ]
        edges = {edge for entry in entries for edge in (entry.effective_from, entry.effective_to) if edge is not None}
        starts = [start, *sorted(edge for edge in edges if start < edge < end)]
        names = (provider, model, service_tier)
        prices = [self._holding([one for one in entries if one.holds(at)], names, at, day) for at in starts]
        (first, *others) = prices
        if others or isinstance(first, Hourly):
            return WithinTheDay(tuple(starts), tuple(prices))
        return first

    def _holding(
        self, entries: Sequence[BookEntry], names: tuple[str, str, str], at: datetime, day: int
    ) -> Price | Hourly:
        """The first of the entries that hold, with the list price of the next that states one where it does not."""
        if not entries:
            return self._catalogue(names, at, day)
        card = self._card(entries[0], day)
        if entries[0].is_list or not isinstance(card, RateCard):
            return card
        lister = next((entry for entry in entries if entry.is_list), None)
        found = self._catalogue(names, at, day) if lister is None else self._card(lister, day)
        if not isinstance(found, RateCard):
            return card
        return card.beside(found.listed or found)

    def _card(self, entry: BookEntry, day: int) -> RateCard | RateMissing:
        rate = self.rate(entry.currency, day)
        return rate if isinstance(rate, RateMissing) else entry.card(rate)

    def _catalogue(self, names: tuple[str, str, str], at: datetime, day: int) -> CatalogueEntry:
        """Unlike a price book, which somebody declared, it is not missed where no rate leads to it."""
        rate = self.rate(CURRENCY, day)
        return None if isinstance(rate, RateMissing) else catalogue_entry(*names, at, rate)
