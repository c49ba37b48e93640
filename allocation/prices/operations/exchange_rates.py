"""Exchange rates from documents: rates that differ are added, and nothing is changed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import connection, transaction

from allocation.prices.documents import ExchangeRatesDocument, RateSpec
from allocation.prices.models import ExchangeRate
from governance.documents import Change
from governance.documents.operations import DIFFERENCES_SHOWN, organisation_of
from governance.errors import Invalid
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.scopes.models import Scope

RateKey = tuple[str, str, date]


def plan_exchange_rates(document: ExchangeRatesDocument, at: datetime) -> Change:
    """What applying the document would add; writes nothing. Raises NotFound (`scope_unknown`)."""
    del at
    return _change(document, _rates_in_force(organisation_of(document.spec.organisation)))


@transaction.atomic
def apply_exchange_rates(document: ExchangeRatesDocument, *, actor: Actor, at: datetime) -> Change:
    """Adds the rates that differ from those in force and records the decision. Raises NotFound (`scope_unknown`)."""
    organisation = organisation_of(document.spec.organisation, locked=True)
    check_may_change(actor, "allocation.exchangerate", organisation.path)
    # The pricing context notices new rates by the highest key: keys must become visible in their order.
    with connection.cursor() as cursor:
        cursor.execute("SELECT weir_hold_exchange_rates()")
    in_force = _rates_in_force(organisation)
    change = _change(document, in_force)
    if change.action == "unchanged":
        return change
    new = _new(document, in_force)
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


def _rates_in_force(organisation: Scope) -> dict[RateKey, Decimal]:
    """By currencies and day; of several rows for them the last one holds."""
    rows = ExchangeRate.objects.filter(organisation=organisation).order_by("pk")
    return {
        (source, target, on): rate
        for source, target, on, rate in rows.values_list("from_currency", "to_currency", "effective_from", "rate")
    }


def _new(document: ExchangeRatesDocument, in_force: Mapping[RateKey, Decimal]) -> list[RateSpec]:
    return [rate for rate in document.spec.rates if in_force.get(rate.key) != rate.rate]


def _change(document: ExchangeRatesDocument, in_force: Mapping[RateKey, Decimal]) -> Change:
    new = _new(document, in_force)
    if not new:
        return Change(kind=document.kind, name=document.metadata.name, action="unchanged")
    lines = [_line(rate, in_force.get(rate.key)) for rate in new[:DIFFERENCES_SHOWN]]
    more = len(new) - len(lines)
    return Change(
        kind=document.kind,
        name=document.metadata.name,
        action="update" if in_force else "create",
        differences=(*lines, *((f"… and {more} more",) if more else ())),
    )


def _line(rate: RateSpec, before: Decimal | None) -> str:
    value = f"{rate.rate.normalize():f}" if before is None else f"{before.normalize():f} → {rate.rate.normalize():f}"
    return f"{rate.effective_from} {rate.from_currency} to {rate.to_currency}: {value}"


@transaction.atomic
def import_exchange_rates(
    *, organisation: str, source: str, rates: Sequence[RateSpec], actor: Actor, at: datetime, dry_run: bool = False
) -> Change:
    """Applies the rates of a file as a document named after the organisation, or with `dry_run` plans it. Raises
    Invalid (`rates_missing`) when there is none, and as `apply_exchange_rates`.
    """
    if not rates:
        raise Invalid("The file holds no usable exchange rate.", code="rates_missing")
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
