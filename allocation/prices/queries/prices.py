"""Prices for somebody: of books by name, in force at an instant, and what differs between them."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from allocation.prices.documents import PriceSpec
from allocation.prices.engine.catalogue import catalogue_tiers
from allocation.prices.engine.differences import Place, Prices
from allocation.prices.models import Price, PriceBook
from governance.calendar.engine import is_in_force
from governance.errors import NotFound
from governance.people.rules import Actor


def prices_in_force(*, actor: Actor, at: datetime) -> QuerySet[Price]:
    """Of the current books that `actor` may see."""
    return Price.objects.visible_to(actor).in_force(at).select_related("book", "book__organisation")


def price_book(*, actor: Actor, name: str, version: int | None = None) -> PriceBook:
    """By name the current version, or the version asked for."""
    books = PriceBook.objects.visible_to(actor).filter(name=name)
    wanted = books.filter(is_current=True) if version is None else books.filter(version=version)
    found = wanted.first()
    if found is None:
        which = name if version is None else f"{name} version {version}"
        raise NotFound(f"There is no price book {which}.", code="price_book_unknown")
    return found


def prices_of_book(book: PriceBook, at: datetime) -> dict[Place, Price]:
    """What the book states for that instant; of entries that overlap the first one holds."""
    held = Price.objects.filter(book=book).holding(at).order_by("position")
    found: dict[Place, Price] = {}
    holders: dict[tuple[str, str, str], tuple[datetime, datetime | None]] = {}
    for price in held:
        validity = (price.effective_from, price.effective_to)
        if holders.setdefault((price.provider, price.model, price.service_tier), validity) == validity:
            found[_place(price)] = price
    return found


def unit_prices(book: PriceBook, at: datetime) -> Prices:
    return {place: price.unit_price for place, price in prices_of_book(book, at).items()}


def _place(price: Price) -> Place:
    return Place(price.provider, price.model, price.service_tier, price.above_input_tokens, price.meter)


def stated_prices(entries: Iterable[PriceSpec], at: datetime) -> Prices:
    """What a list states for that instant."""
    return {
        Place(*entry.key, entry.above_input_tokens, meter): price
        for entry in reversed([entry for entry in entries if is_in_force(entry.effective_from, entry.effective_to, at)])
        for meter, price in entry.stated.items()
    }


def catalogue_prices(places: Iterable[Place], at: datetime) -> Prices:
    """What the catalogue states, in US dollars, for the models and service tiers of the places."""
    return {
        Place(*key, bound, meter): price
        for key in sorted({place[:3] for place in places})
        for bound, prices in catalogue_tiers(*key, at).items()
        for meter, price in prices.items()
    }
