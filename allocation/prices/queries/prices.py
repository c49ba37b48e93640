"""Prices for readers: of books by name, in force at an instant, and in a form that can be compared."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from allocation.prices.documents import PriceSpec
from allocation.prices.engine.catalogue import catalogue_tiers
from allocation.prices.engine.differences import PriceKey, Prices
from allocation.prices.models import Price, PriceBook
from allocation.prices.queries.pricing import earlier_catalogue_prices
from governance.calendar.engine import is_in_force
from governance.errors import NotFound
from governance.people.rules import Actor


def prices_in_force(*, actor: Actor, at: datetime) -> QuerySet[Price]:
    """Prices in force at the instant, of the current books that the actor may see."""
    return Price.objects.visible_to(actor).in_force(at).select_related("book", "book__organisation")


def price_book(*, actor: Actor, name: str, version: int | None = None) -> PriceBook:
    """The named book's current version, or the version asked for. Raises NotFound (`price_book_unknown`) when there is
    none that the actor may see.
    """
    books = PriceBook.objects.visible_to(actor).filter(name=name)
    versions = books.filter(is_current=True) if version is None else books.filter(version=version)
    book = versions.first()
    if book is None:
        title = name if version is None else f"{name} version {version}"
        raise NotFound(f"There is no price book {title}.", code="price_book_unknown")
    return book


def prices_of_book(book: PriceBook, at: datetime) -> dict[PriceKey, Price]:
    """The book's prices at the instant; of entries that overlap the first one holds."""
    in_force = Price.objects.filter(book=book).holding(at).order_by("position")
    prices: dict[PriceKey, Price] = {}
    validities: dict[tuple[str, str, str, str], tuple[datetime, datetime | None]] = {}
    for price in in_force:
        validity = (price.effective_from, price.effective_to)
        series = (price.provider, price.model, price.service_tier, price.region)
        if validities.setdefault(series, validity) == validity:
            prices[_key(price)] = price
    return prices


def unit_prices(book: PriceBook, at: datetime) -> Prices:
    """The prices paid at the instant, in the book's currency."""
    return {key: price.unit_price for key, price in prices_of_book(book, at).items()}


def _key(price: Price) -> PriceKey:
    return PriceKey(
        price.provider, price.model, price.service_tier, price.above_input_tokens, price.meter, price.region
    )


def stated_prices(entries: Iterable[PriceSpec], at: datetime) -> Prices:
    """The prices that a list states for the instant; of entries that overlap the first one holds."""
    holding = [entry for entry in entries if is_in_force(entry.effective_from, entry.effective_to, at)]
    return {
        PriceKey(*entry.key, entry.above_input_tokens, meter, entry.region or ""): price
        for entry in reversed(holding)
        for meter, price in entry.stated.items()
    }


def catalogue_prices(keys: Iterable[PriceKey], at: datetime) -> Prices:
    """The catalogue's prices in US dollars, for the models and service tiers of the keys."""
    earlier = earlier_catalogue_prices()
    return {
        PriceKey(*model, bound, meter): price
        for model in sorted({key[:3] for key in keys})
        for bound, prices in catalogue_tiers(*model, at, earlier).items()
        for meter, price in prices.items()
    }
