"""The price of a model at an instant for one organisation: its own price books first, then the dated catalogue."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from allocation.prices.engine.catalogue import (
    CURRENCY,
    CalculatedCard,
    CatalogueEntry,
    TimeOfDayPrice,
    catalogue_edges,
    catalogue_entry,
    catalogue_match,
)
from allocation.prices.engine.catalogue_history import NOTHING_EARLIER, EarlierPrices
from allocation.prices.engine.exchange import ExchangeRates, Rate, RateMissing
from allocation.prices.engine.price_books import BookEntry, PriceBooks, PriceMatch
from allocation.prices.engine.rates import RateCard
from governance.calendar.engine import DAY

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Names come from senders: at this size the cache is cleared instead of growing.
CACHE_MAX = 20_000
STANDARD = "standard"
# Provider, model, service tier and region.
Names = tuple[str, str, str, str]
# The price in force at an instant. RateMissing: it is in a currency without an exchange rate.
Price = RateCard | CalculatedCard | RateMissing | None


@dataclass(frozen=True, slots=True)
class IntradayPrices:
    """Prices of a day on which they change. `starts` are instants, the first of them the day's start."""

    starts: tuple[datetime, ...]
    prices: tuple[Price | TimeOfDayPrice, ...]

    def at(self, at: datetime) -> Price:
        """The price in force at an instant of the day."""
        price = self.prices[bisect_right(self.starts, at) - 1]
        return price.at(at) if isinstance(price, TimeOfDayPrice) else price


DayPrice = Price | IntradayPrices


@dataclass(slots=True)
class PriceList:
    """All prices of one organisation. The catalogue is in US dollars: for an organisation with another currency it
    applies only where an exchange rate is stated. `earlier` is what its earlier releases said.
    """

    currency: str
    entries: Sequence[BookEntry] = ()
    rates: ExchangeRates = field(default_factory=lambda: ExchangeRates(""))
    cache: dict[tuple[str, str, str, int, str], DayPrice] = field(default_factory=dict)
    earlier: EarlierPrices = NOTHING_EARLIER
    books: PriceBooks = field(init=False)

    def __post_init__(self) -> None:
        self.books = PriceBooks(self.entries)
        if not self.rates.currency:
            self.rates = ExchangeRates(self.currency)

    @property
    def by_region(self) -> bool:
        """Whether a book states prices for a region."""
        return self.books.by_region

    def of_day(self, provider: str, model: str, service_tier: str, day: int, region: str = "") -> DayPrice:
        """The prices of a day. `day` counts UTC days from 1970-01-01; without `by_region` the region decides nothing
        and is left empty.
        """
        key = (provider, model, service_tier, day, region)
        if key not in self.cache:
            if len(self.cache) >= CACHE_MAX:
                self.cache.clear()
            self.cache[key] = self._find(*key)
        return self.cache[key]

    def at(self, provider: str, model: str, service_tier: str, at: datetime, region: str = "") -> Price:
        """The price at an instant; None when neither a book nor the catalogue states one."""
        price = self.of_day(provider, model, service_tier, (at - EPOCH).days, region)
        return price.at(at) if isinstance(price, IntradayPrices) else price

    def match(self, provider: str, model: str, service_tier: str, at: datetime) -> PriceMatch | None:
        """What prices a call of these names at the instant; None where nothing does."""
        entries = self.books.matching(provider, model, service_tier)
        entry = next((each for each in entries if each.holds(at)), None)
        if entry is not None:
            return entry.match(provider, model)
        return None if self.at(provider, model, service_tier, at) is None else catalogue_match(provider, model)

    def rate(self, currency: str, day: int) -> Rate | RateMissing | None:
        """The rate that converts `currency` on the day; None where nothing is to be converted."""
        return None if currency in {"", self.currency} else self.rates.on(currency, day)

    def _find(self, provider: str, model: str, service_tier: str, day: int, region: str) -> DayPrice:
        start, end = EPOCH + day * DAY, EPOCH + (day + 1) * DAY
        entries = [
            entry
            for entry in self.books.matching(provider, model, service_tier, region)
            if entry.effective_from < end and (entry.effective_to is None or entry.effective_to > start)
        ]
        edges = {edge for entry in entries for edge in entry.edges(start, end)}
        edges.update(catalogue_edges(provider, model, self.earlier))
        starts = [start, *sorted(edge for edge in edges if start < edge < end)]
        names = (provider, model, service_tier, region)
        prices = [
            self._price_in_force([entry for entry in entries if entry.holds(at)], names, at, day) for at in starts
        ]
        (first, *later_prices) = prices
        if later_prices or isinstance(first, TimeOfDayPrice):
            return IntradayPrices(tuple(starts), tuple(prices))
        return first

    def _price_in_force(
        self, entries: Sequence[BookEntry], names: Names, at: datetime, day: int
    ) -> Price | TimeOfDayPrice:
        """The first entry's price. A contract without list prices takes them from the next entry that has them, or from
        the catalogue.
        """
        if not entries:
            return self._catalogue(names, at, day)
        card = self._card(entries[0], names, at, day)
        if entries[0].is_list or not isinstance(card, RateCard):
            return card
        list_entry = next((entry for entry in entries if entry.is_list), None)
        list_card = self._catalogue(names, at, day) if list_entry is None else self._card(list_entry, names, at, day)
        if not isinstance(list_card, RateCard):
            return card
        return card.with_list_prices(list_card.listed or list_card)

    def _card(self, entry: BookEntry, names: Names, at: datetime, day: int) -> RateCard | RateMissing:
        rate = self.rate(entry.currency, day)
        return rate if isinstance(rate, RateMissing) else entry.card(rate, self._unstated(entry, names, at))

    def _unstated(self, entry: BookEntry, names: Names, at: datetime) -> Sequence[int]:
        """Bounds above which the same book has other prices for the standard service tier, and none for this one."""
        provider, model, service_tier, region = names
        if service_tier == STANDARD:
            return ()
        standard = self.books.matching(provider, model, STANDARD, region)
        sibling = next((each for each in standard if each.source == entry.source and each.holds(at)), None)
        return () if sibling is None else sibling.bounds_above(entry)

    def _catalogue(self, names: Names, at: datetime, day: int) -> CatalogueEntry:
        """The catalogue's price. Unlike a price book, which somebody declared, it is passed over without an exchange
        rate.
        """
        rate = self.rate(CURRENCY, day)
        return None if isinstance(rate, RateMissing) else catalogue_entry(*names[:3], at, rate, self.earlier)
