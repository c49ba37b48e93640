"""Pricing recorded usage again at the prices of today: differences become adjustments, records never change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from django.db import transaction
from django.db.models import QuerySet

from allocation.corrections.engine.corrections import Correction
from allocation.corrections.models import AdjustmentKind, AdjustmentRun
from allocation.corrections.operations.adjustments import (
    begin_run,
    books_in_force,
    finish_run,
    lock_corrections,
    post_corrections,
)
from allocation.corrections.queries import CorrectedRecord, corrected_records, identity_of, in_batches
from allocation.meters.documents import RARE_TOKENS, Fault, Tokens, UsageEvent
from allocation.meters.engine.activity import activity_of
from allocation.prices.engine.pricing import PriceList
from allocation.prices.engine.rates import from_nanos, to_nanos
from allocation.usage.engine.call_prices import FOCUS, PROVIDER, REGION, RESPONSE_CACHE, Priced, price_of
from allocation.usage.engine.charges import ADJUSTMENT
from allocation.usage.engine.costing import Organisation
from allocation.usage.engine.roll_ups import Sums
from allocation.usage.models import Status, UsageRecord
from allocation.usage.operations import pricing_context_for, with_retries
from governance.errors import Invalid
from governance.people.rules import Actor, check_may_change
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

BATCH = 2_000
ZERO = Decimal(0)
# Costs that a sender stated are not priced again.
STATED = frozenset({PROVIDER, FOCUS, RESPONSE_CACHE})


@dataclass(slots=True)
class Rerating:
    """What a run corrected, or what a dry run would. `change` is the difference of all cost; `refused` counts the
    records that the price books of today cannot price, by code.
    """

    looked_at: int = 0
    corrected: int = 0
    change: Decimal = Decimal(0)
    refused: dict[str, int] = field(default_factory=dict)
    run: AdjustmentRun | None = None


def rerate_usage(
    *,
    organisation: Scope,
    since: datetime,
    until: datetime,
    reason: str,
    actor: Actor,
    at: datetime,
    model: str | None = None,
    dry_run: bool = False,
) -> Rerating:
    """Price every successful record of [since, until) again whose cost no sender stated. In batches, each in its own
    transaction: after an interruption a second call corrects the rest, and one after that nothing. Corrections of
    records in a closed period count now. Raises not_an_organisation and period_empty.
    """
    check_may_change(actor, "allocation.adjustmentrun", organisation.path)
    if organisation.parent_id is not None:
        raise Invalid("Usage is priced again for a whole organisation.", code="not_an_organisation")
    if until <= since:
        raise Invalid("until must be later than since: the period is half-open.", code="period_empty")
    outcome = Rerating()
    if not dry_run:
        outcome.run = begin_run(
            kind=AdjustmentKind.RERATE, organisation=organisation, since=since, until=until, reason=reason,
            actor=actor, at=at,
        )  # fmt: skip
    prices = pricing_context_for(key_scope_id=organisation.pk, at=at).organisations[organisation.pk].prices
    for records in in_batches(_wanted(organisation, until, model), since=since, size=BATCH):
        if outcome.run is None:
            _add(outcome, records, list(_repriced(records, prices)))
        else:
            _add(outcome, records, with_retries(partial(_correct, outcome.run, records, prices, at)))
    if outcome.run is not None:
        outcome.run = finish_run(outcome.run, at=at)
    return outcome


def _wanted(organisation: Scope, until: datetime, model: str | None) -> QuerySet[UsageRecord]:
    records = UsageRecord.objects.filter(
        scope_id__in=scope_tree().descendants(organisation.pk), occurred_at__lt=until, status=Status.SUCCESS
    ).exclude(price_source__in=STATED)
    return records if model is None else records.filter(model=model)


@dataclass(frozen=True, slots=True)
class Repriced:
    """A record with its corrections (`now`), and its price by the books of today: a Fault where they cannot
    price it.
    """

    record: UsageRecord
    now: CorrectedRecord
    price: Priced | Fault

    @property
    def change(self) -> Sums | None:
        """What to add for the new price; None where nothing changes, it cannot be priced, or it was taken back."""
        if isinstance(self.price, Fault) or not self.now.counts:
            return None
        price, now, requests, tokens = self.price, self.now, self.record.requests, self.record.total_tokens
        cost = price.cost_nanos or 0
        unpriced_tokens = tokens if price.cost_nanos is None else price.unpriced_tokens
        change = Sums(
            unpriced_requests=((price.cost_nanos is None) - (now.cost is None)) * requests,
            partly_unpriced_requests=(requests if price.unpriced_meters else 0) - now.partly_unpriced_requests,
            unpriced_tokens=unpriced_tokens - now.unpriced_tokens,
            tokenless_nanos=(cost if unpriced_tokens == tokens else 0) - to_nanos(now.tokenless_cost),
            cost_nanos=cost - to_nanos(now.cost or ZERO),
        )
        return None if change == Sums() and not self.list_change else change

    @property
    def list_change(self) -> int:
        """The change of the cost at list prices, in 10^-9. Where it was not kept and there is a discount today, the
        list prices are taken to be the same: a discount is what was agreed anew.
        """
        if isinstance(self.price, Fault) or not self.now.counts:
            return 0
        cost, at_list = self.price.cost_nanos or 0, self.price.list_nanos
        if self.now.list_cost is None:
            return cost - to_nanos(self.now.cost or ZERO) if at_list is None else 0
        return (cost if at_list is None else at_list) - to_nanos(self.now.list_cost)


def _repriced(records: Sequence[UsageRecord], prices: PriceList) -> Iterator[Repriced]:
    corrected = corrected_records(records)
    for record in records:
        price = price_of(event_of(record), prices, record.occurred_at.timestamp())
        yield Repriced(record, corrected[identity_of(record)], price)


@transaction.atomic
def _correct(run: AdjustmentRun, records: Sequence[UsageRecord], prices: PriceList, at: datetime) -> list[Repriced]:
    """Reads where records count under the lock under which it corrects them, so that none is moved meanwhile."""
    lock_corrections(run.organisation_id)
    books = books_in_force(run.organisation_id, at)
    repriced = list(_repriced(records, prices))
    corrections = [
        correction_of(
            each.record,
            books,
            at,
            scope_id=each.now.scope_id,
            sums=change,
            list_nanos=each.list_change,
            price_source=each.price.source,
            price_version=each.price.version,
        )
        for each in repriced
        if (change := each.change) is not None and isinstance(each.price, Priced)
    ]
    post_corrections(run=run, corrections=corrections, records=len(corrections), at=at)
    return repriced


def _add(outcome: Rerating, records: Sequence[UsageRecord], repriced: Sequence[Repriced]) -> None:
    outcome.looked_at += len(records)
    for each in repriced:
        if isinstance(each.price, Fault):
            outcome.refused[each.price.code] = outcome.refused.get(each.price.code, 0) + 1
        elif (change := each.change) is not None:
            outcome.corrected += 1
            outcome.change += from_nanos(change.cost_nanos)


def correction_of(
    record: UsageRecord,
    books: Organisation,
    at: datetime,
    *,
    scope_id: int,
    sums: Sums,
    list_nanos: int,
    price_source: str = "",
    price_version: str = "",
    attribution: str = "",
    charge_source: str = ADJUSTMENT,
) -> Correction:
    """A change of `sums` at the scope. It counts when the record does, or at `at` where that period is closed."""
    counts_at = (record.booked_at or record.occurred_at).timestamp()
    is_closed = counts_at < books.closed_until_s
    return Correction(
        record_id=str(record.pk),
        occurred_at=record.occurred_at,
        booked_s=at.timestamp() if is_closed else counts_at,
        is_closed=is_closed,
        root_id=books.root_id,
        scope_id=scope_id,
        provider=record.provider,
        model=record.model,
        activity=activity_of(record.operation),
        service_tier=record.service_tier,
        task_id=record.task_id,
        sums=sums,
        list_nanos=list_nanos,
        price_source=price_source,
        price_version=price_version,
        attribution=attribution,
        charge_source=charge_source,
    )


def event_of(record: UsageRecord) -> UsageEvent:
    """The event by which a stored record can be priced again: without scope and task, of its attributes the region."""
    rare = {meter: int(count) for meter, count in record.quantities.items() if meter in RARE_TOKENS}
    counted = {meter: Decimal(amount) for meter, amount in record.quantities.items() if meter not in RARE_TOKENS}
    return UsageEvent(
        id=record.event_id,
        source=record.source,
        occurred_at=record.occurred_at.astimezone(UTC),
        provider=record.provider,
        model=record.model,
        operation=record.operation,
        service_tier=record.service_tier,
        tokens=Tokens(
            input=record.input_tokens,
            cached_input=record.cached_input_tokens,
            cache_write=record.cache_write_tokens,
            output=record.output_tokens,
            reasoning=record.reasoning_tokens,
            **rare,
        ),
        requests=record.requests,
        gpu_seconds=record.gpu_seconds or None,
        quantities=counted or None,
        attributes={REGION: record.attributes[REGION]} if REGION in record.attributes else None,
        status=record.status,
    )
