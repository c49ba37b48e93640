"""Price books from documents and price lists: a change becomes a new version of the book, never an edit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from pydantic import ValidationError

from allocation.prices.documents import Basis, PriceBookDocument, PriceBookSpec, PriceSpec
from allocation.prices.engine.history import MergedPrices, merge_prices
from allocation.prices.models import Price, PriceBook
from governance.documents import Change
from governance.documents.operations import (
    change_of,
    current_version,
    organisation_of,
    record_version,
    replace_version,
    version_fields,
)
from governance.errors import Invalid
from governance.people.rules import Actor, check_may_change

INSERTED_AT_ONCE = 5000


def plan_price_book(document: PriceBookDocument, at: datetime) -> Change:
    """What applying the document would change; writes nothing. Raises NotFound (`scope_unknown`) for an unknown
    organisation and OtherOrganisation (`name_taken`) for a name that another one uses.
    """
    del at
    organisation_of(document.spec.organisation)
    return change_of(document, current_version(PriceBook, document.metadata.name), "prices")


@transaction.atomic
def apply_price_book(document: PriceBookDocument, *, actor: Actor, at: datetime, reason: str = "") -> Change:
    """Makes a changed document the current version and records it in the audit chain. Raises as the plan does."""
    organisation = organisation_of(document.spec.organisation, locked=True)
    check_may_change(actor, "allocation.pricebook", organisation.path)
    current = current_version(PriceBook, document.metadata.name)
    change = change_of(document, current, "prices")
    if change.action == "unchanged":
        return change
    spec = document.spec
    book = PriceBook(
        currency=spec.currency,
        contract=spec.contract or "",
        basis=spec.basis,
        **version_fields(document, current, organisation, actor, at),
    )
    replace_version(book)
    Price.objects.bulk_create(_rows(book, spec), batch_size=INSERTED_AT_ONCE)
    record_version(change, "price_book.apply", book, actor, at, reason=reason)
    return change


def _rows(book: PriceBook, spec: PriceBookSpec) -> list[Price]:
    return [
        Price(
            book=book,
            position=position,
            provider=entry.provider,
            model=entry.model,
            service_tier=entry.service_tier,
            meter=meter,
            above_input_tokens=entry.above_input_tokens,
            unit_price=price,
            list_unit_price=entry.stated[meter] if spec.basis == "list" else None,
            effective_from=entry.effective_from,
            effective_to=entry.effective_to,
            hours=entry.hours or "",
            zone=entry.zone,
            region=entry.region or "",
        )
        for position, entry in enumerate(spec.prices)
        for meter, price in spec.contracted(entry).items()
    ]


@dataclass(frozen=True, slots=True)
class BookTerms:
    """Terms of the book that an import sets. None keeps the book's term, or a new book's default."""

    currency: str | None = None
    contract: str | None = None
    basis: Basis | None = None
    discount_percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ImportedPrices:
    """What an import changed: the document's change and the merged history of prices."""

    change: Change
    merged: MergedPrices


class NoPrices(Invalid):
    """The file holds no usable price."""

    code = "prices_missing"


@transaction.atomic
def import_prices(
    *,
    organisation: str,
    name: str,
    entries: Sequence[PriceSpec],
    terms: BookTerms,
    reason: str,
    actor: Actor,
    at: datetime,
    dry_run: bool = False,
) -> ImportedPrices:
    """Merges the entries into the prices of the book of this name, as its next version, or with `dry_run` plans that.
    Raises NoPrices (`prices_missing`), Invalid (`document_invalid`), and as `apply_price_book`.
    """
    owner = organisation_of(organisation, locked=True)
    check_may_change(actor, "allocation.pricebook", owner.path)
    current = current_version(PriceBook, name)
    known = None if current is None else PriceBookSpec.model_validate(current.document)
    history = merge_prices(known.prices if known else (), entries)
    if not history.entries:
        raise NoPrices("The file holds no usable price.")
    document = _document(name, {**_terms(terms, known), "organisation": organisation, "prices": history.entries})
    change = plan_price_book(document, at) if dry_run else apply_price_book(document, actor=actor, at=at, reason=reason)
    return ImportedPrices(change, history)


def _document(name: str, spec: dict[str, object]) -> PriceBookDocument:
    content = {"apiVersion": "weir/v1", "kind": "PriceBook", "metadata": {"name": name}, "spec": spec}
    try:
        return PriceBookDocument.model_validate(content)
    except ValidationError as problem:
        error = problem.errors(include_url=False)[0]
        location = ".".join(str(part) for part in error["loc"])
        raise Invalid(
            f"{location}: {error['msg'].removeprefix('Value error, ')}.", code="document_invalid"
        ) from problem


def _terms(terms: BookTerms, known: PriceBookSpec | None) -> dict[str, object]:
    fields = ("currency", "contract", "basis", "discount_percent")
    given = {field: getattr(terms, field) for field in fields}
    current = {field: getattr(known, field) for field in fields} if known else {}
    return {field: value for field in fields if (value := given[field] or current.get(field)) is not None}
