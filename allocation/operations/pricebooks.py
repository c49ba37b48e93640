"""Price books from documents: a changed document becomes a new version, never an edit."""

from datetime import datetime

from django.db import transaction

from allocation.documents.prices import METERS, PriceBookDocument
from allocation.models import Price, PriceBook
from allocation.operations.versions import (
    change_of,
    current_version,
    organisation_of,
    record_version,
    replace_version,
    version_fields,
)
from governance.documents import Change
from governance.rules import Actor


def plan_price_book(document: PriceBookDocument, at: datetime) -> Change:
    del at
    organisation_of(document.spec.organisation)
    return change_of(document, current_version(PriceBook, document.metadata.name), "prices")


@transaction.atomic
def apply_price_book(document: PriceBookDocument, *, actor: Actor, at: datetime) -> Change:
    organisation = organisation_of(document.spec.organisation, locked=True)
    current = current_version(PriceBook, document.metadata.name)
    change = change_of(document, current, "prices")
    if change.action == "unchanged":
        return change
    book = PriceBook(currency=document.spec.currency, **version_fields(document, current, organisation, actor, at))
    replace_version(book)
    Price.objects.bulk_create(
        Price(
            book=book,
            position=position,
            provider=price.provider,
            model=price.model,
            service_tier=price.service_tier,
            meter=meter,
            above_input_tokens=price.above_input_tokens,
            unit_price=getattr(price, meter),
            effective_from=price.effective_from,
            effective_to=price.effective_to,
        )
        for position, price in enumerate(document.spec.prices)
        for meter in METERS
        if getattr(price, meter) is not None
    )
    record_version(change, "price_book.apply", book, actor, at)
    return change
