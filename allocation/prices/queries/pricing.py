"""The current price books and exchange rates of each organisation, as the pricing context uses them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from allocation.prices.documents import daily_hours
from allocation.prices.engine.catalogue_history import EarlierPrices
from allocation.prices.engine.catalogue_snapshots import earlier_prices
from allocation.prices.engine.exchange import exchange_rates
from allocation.prices.engine.price_books import BookEntry
from allocation.prices.engine.pricing import PriceList
from allocation.prices.models import Basis, CatalogueSnapshot, ExchangeRate, Price, PriceBook
from governance.memory.queries import VersionedMemory

# (provider, model, service tier, from, to, hours, zone, region)
Identity = tuple[str, str, str, datetime, datetime | None, str, str, str]
# (identity …, bound, meter, price paid, list price)
Row = tuple[str, str, str, datetime, datetime | None, str, str, str, int, str, Decimal, Decimal | None]
FIELDS = (
    "provider", "model", "service_tier", "effective_from", "effective_to", "hours", "zone", "region",
    "above_input_tokens", "meter", "unit_price", "list_unit_price",
)  # fmt: skip
EntriesByOrganisation = dict[int, tuple[BookEntry, ...]]
# By organisation, in the order in which they were stated: (from currency, to currency, first day, rate).
RatesByOrganisation = dict[int, list[tuple[str, str, date, Decimal]]]
_entries_held: VersionedMemory[str, EntriesByOrganisation] = VersionedMemory()
_rates_held: VersionedMemory[str, RatesByOrganisation] = VersionedMemory()
_earlier_held: VersionedMemory[str, EarlierPrices] = VersionedMemory()


def price_lists(
    currencies: Mapping[int, str], *, books_version: str, rates_version: str, snapshots_version: str
) -> dict[int, PriceList]:
    """Price lists by organisation; `currencies` holds each one's currency. The versions change with the books, with the
    rates and with the snapshots of the catalogue: while they stay the same nothing is read again. As stale as the
    versions given.
    """
    entries = _entries_held.of(books_version, _book_entries)
    rates = _rates_held.of(rates_version, _stated_rates)
    earlier = _earlier_held.of(snapshots_version, earlier_catalogue_prices)
    return {
        organisation: PriceList(
            currency=currency,
            entries=entries.get(organisation, ()),
            rates=exchange_rates(currency, rates.get(organisation, ())),
            earlier=earlier,
        )
        for organisation, currency in currencies.items()
    }


def _book_entries() -> EntriesByOrganisation:
    """By organisation: contracts before published lists, then by the book's name and the order within it."""
    books = PriceBook.objects.filter(is_current=True).only(
        "organisation_id", "name", "version", "currency", "contract", "basis"
    )
    by_organisation: dict[int, list[BookEntry]] = {}
    for book in sorted(books, key=lambda book: (not book.is_contract, book.name)):
        rows = Price.objects.filter(book=book).order_by("position").values_list(*FIELDS)
        by_organisation.setdefault(book.organisation_id, []).extend(_entries(book, rows.iterator(chunk_size=10_000)))
    return {organisation: tuple(entries) for organisation, entries in by_organisation.items()}


def _entries(book: PriceBook, rows: Iterable[Row]) -> Iterable[BookEntry]:
    paid: dict[Identity, dict[int, dict[str, Decimal]]] = {}
    listed: dict[Identity, dict[int, dict[str, Decimal]]] = {}
    for *names, above, meter, price, list_price in rows:
        identity: Identity = tuple(names)  # type: ignore[assignment]  # the first eight fields
        paid.setdefault(identity, {0: {}}).setdefault(above, {})[meter] = price
        listed.setdefault(identity, {0: {}}).setdefault(above, {})[meter] = price if list_price is None else list_price
    return [
        BookEntry(
            *identity[:5],
            source=f"pricebook:{book.name}",
            version=str(book.version),
            prices=tiers,
            listed=None if listed[identity] == tiers else listed[identity],
            is_list=book.basis == Basis.LIST,
            currency=book.currency,
            hours=daily_hours(*identity[5:7]) if identity[5] else None,
            region=identity[7],
        )
        for identity, tiers in paid.items()
    ]


def _stated_rates() -> RatesByOrganisation:
    rows = ExchangeRate.objects.order_by("pk").values_list(
        "organisation_id", "from_currency", "to_currency", "effective_from", "rate"
    )
    by_organisation: RatesByOrganisation = {}
    for organisation, source, target, on, rate in rows.iterator(chunk_size=10_000):
        by_organisation.setdefault(organisation, []).append((source, target, on, rate))
    return by_organisation


def earlier_catalogue_prices() -> EarlierPrices:
    """What the catalogue said before each of its newer releases came into use."""
    snapshots = CatalogueSnapshot.objects.order_by("number").values_list("version", "taken_at", "replaced")
    return earlier_prices(
        (version, until, replaced) for (version, _, _), (_, until, replaced) in pairwise(snapshots.iterator())
    )
