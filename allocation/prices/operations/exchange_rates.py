"""Exchange rates from documents: what is stated anew is added, nothing is changed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import connection, transaction

from allocation.prices.documents import ExchangeRatesDocument, RateSpec
from allocation.prices.models import ExchangeRate
from governance.documents import Change
from governance.documents.operations import DIFFERENCES_SHOWN, organisation_of
from governance.errors import Invalid
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.models import Scope

RateKey = tuple[str, str, date]


def plan_exchange_rates(document: ExchangeRatesDocument, at: datetime) -> Change:
    del at
    return _change(document, _standing(organisation_of(document.spec.organisation)))


@transaction.atomic
def apply_exchange_rates(document: ExchangeRatesDocument, *, actor: Actor, at: datetime) -> Change:
    organisation = organisation_of(document.spec.organisation, locked=True)
    # The desk knows by the highest key that rates came: keys must become visible in their order.
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE allocation_exchangerate IN SHARE ROW EXCLUSIVE MODE")
    standing = _standing(organisation)
    change = _change(document, standing)
    if change.action == "unchanged":
        return change
    new = _new(document, standing)
    ExchangeRate.objects.bulk_create(
        [
            ExchangeRate(
                organisation=organisation,
                from_currency=rate.from_currency,
                to_currency=rate.to_currency,
                effective_from=rate.effective_from,
                rate=rate.rate,
                source=document.spec.source,
                recorded_at=at,
                recorded_by=actor.label,
            )
            for rate in new
        ],
        batch_size=5000,
    )
    record_decision(
        actor=actor,
        action="exchange_rates.apply",
        scope=organisation,
        subject=change.subject,
        reason="",
        evidence={"source": document.spec.source, "rates": len(new), "differences": list(change.differences)},
        at=at,
    )
    return change


def _standing(organisation: Scope) -> dict[RateKey, Decimal]:
    """What holds now; of the same currencies and day the row stated last."""
    rows = ExchangeRate.objects.filter(organisation=organisation).order_by("pk")
    return {
        (source, target, on): rate
        for source, target, on, rate in rows.values_list("from_currency", "to_currency", "effective_from", "rate")
    }


def _new(document: ExchangeRatesDocument, standing: Mapping[RateKey, Decimal]) -> list[RateSpec]:
    return [rate for rate in document.spec.rates if standing.get(rate.key) != rate.rate]


def _change(document: ExchangeRatesDocument, standing: Mapping[RateKey, Decimal]) -> Change:
    new = _new(document, standing)
    if not new:
        return Change(kind=document.kind, name=document.metadata.name, action="unchanged")
    lines = [_line(rate, standing.get(rate.key)) for rate in new[:DIFFERENCES_SHOWN]]
    more = len(new) - len(lines)
    return Change(
        kind=document.kind,
        name=document.metadata.name,
        action="update" if standing else "create",
        differences=(*lines, *((f"… and {more} more",) if more else ())),
    )


def _line(rate: RateSpec, before: Decimal | None) -> str:
    value = f"{rate.rate.normalize():f}" if before is None else f"{before.normalize():f} → {rate.rate.normalize():f}"
    return f"{rate.effective_from} {rate.from_currency} to {rate.to_currency}: {value}"


@transaction.atomic
def import_exchange_rates(
    *, organisation: str, source: str, rates: Sequence[RateSpec], actor: Actor, at: datetime, dry_run: bool = False
) -> Change:
    """What a file states, as a document of the organisation's name would."""
    if not rates:
        raise Invalid("There is no rate in it that could be used.", code="rates_missing")
    document = ExchangeRatesDocument.model_validate(
        {
            "apiVersion": "weir/v1",
            "kind": "ExchangeRates",
            "metadata": {"name": organisation},
            "spec": {"organisation": organisation, "source": source[:100], "rates": tuple(_last_stated(rates))},
        }
    )
    return plan_exchange_rates(document, at) if dry_run else apply_exchange_rates(document, actor=actor, at=at)


def _last_stated(rates: Iterable[RateSpec]) -> Iterable[RateSpec]:
    return {rate.key: rate for rate in rates}.values()
