"""Recorded usage at the prices of today: the difference becomes adjustments, the records stay as they were."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from allocation.documents.events import RARE_TOKENS, Fault, Tokens, UsageEvent
from allocation.engine.activity import activity_of
from allocation.engine.corrections import Correction
from allocation.engine.costing import FOCUS, PROVIDER, RESPONSE_CACHE, Organisation, Priced, price_of
from allocation.engine.rates import from_nanos, to_nanos
from allocation.engine.rollup import Sums
from allocation.models import AdjustmentKind, AdjustmentRun, Status, UsageRecord
from allocation.operations.adjustments import begin_run, finish_run, post_corrections
from allocation.operations.desks import desk_for
from allocation.queries.adjustments import Standing, identity_of, standing_of
from governance.errors import Invalid
from governance.models import Scope
from governance.queries import scope_tree
from governance.rules import Actor, check_may_change

BATCH = 2_000
# What a sender stated is not ours to price again.
STATED = frozenset({PROVIDER, FOCUS, RESPONSE_CACHE})


@dataclass(slots=True)
class Rerating:
    """What a run corrected, or a dry run would. `refused` counts records that today's books cannot price, by code."""

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
    """Every record of [since, until) that a price list priced, or could not. Batch by batch, each in a transaction:
    broken off and begun again it finds the rest; done twice it changes nothing. A closed period stays as it is: its
    corrections count now.
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
    desk = desk_for(key_scope_id=organisation.pk, at=at)
    books = desk.organisations[organisation.pk]
    for records in _batches(organisation, since, until, model):
        corrections = list(_corrections(records, books, at, outcome))
        if outcome.run is not None:
            post_corrections(run=outcome.run, corrections=corrections, records=len(corrections), at=at)
    if outcome.run is not None:
        outcome.run = finish_run(outcome.run, at=at)
    return outcome


def _batches(
    organisation: Scope, since: datetime, until: datetime, model: str | None
) -> Iterator[Sequence[UsageRecord]]:
    """In the order of instant and identity, each batch from where the last ended."""
    records = UsageRecord.objects.filter(
        scope_id__in=scope_tree().descendants(organisation.pk), occurred_at__lt=until, status=Status.SUCCESS
    ).exclude(price_source__in=STATED)
    if model is not None:
        records = records.filter(model=model)
    last: UsageRecord | None = None
    while True:
        following = records.filter(occurred_at__gte=since if last is None else last.occurred_at)
        if last is not None:
            following = following.exclude(occurred_at=last.occurred_at, id__lte=last.pk)
        batch = list(following.order_by("occurred_at", "id")[:BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1]


def _corrections(
    records: Sequence[UsageRecord], books: Organisation, at: datetime, outcome: Rerating
) -> Iterator[Correction]:
    standing = standing_of(records)
    for record in records:
        outcome.looked_at += 1
        price = price_of(event_of(record), books.prices, record.occurred_at.timestamp())
        if isinstance(price, Fault):
            outcome.refused[price.code] = outcome.refused.get(price.code, 0) + 1
            continue
        found = _correction(record, standing[identity_of(record)], price, books, at)
        if found is not None:
            outcome.corrected += 1
            outcome.change += from_nanos(found.sums.cost_nanos)
            yield found


def _correction(
    record: UsageRecord, now: Standing, price: Priced, books: Organisation, at: datetime
) -> Correction | None:
    before = None if now.cost is None else to_nanos(now.cost)
    if before == price.cost_nanos:
        return None
    unpriced = (price.cost_nanos is None) - (before is None)
    sums = Sums(unpriced_requests=unpriced * record.requests, cost_nanos=(price.cost_nanos or 0) - (before or 0))
    return correction_of(
        record, books, at, scope_id=now.scope_id, sums=sums, price_source=price.source, price_version=price.version
    )


def correction_of(
    record: UsageRecord,
    books: Organisation,
    at: datetime,
    *,
    scope_id: int,
    sums: Sums,
    price_source: str = "",
    price_version: str = "",
    attribution: str = "",
) -> Correction:
    """`sums` of the record at the scope: with the record itself, or now where its period is closed."""
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
        price_source=price_source,
        price_version=price_version,
        attribution=attribution,
    )


def event_of(record: UsageRecord) -> UsageEvent:
    """The quantities of a stored record as the event they came in."""
    rare = {meter: int(count) for meter, count in record.quantities.items() if meter in RARE_TOKENS}
    counted = {meter: Decimal(amount) for meter, amount in record.quantities.items() if meter not in RARE_TOKENS}
    return UsageEvent(
        id=record.event_id,
        source=record.source,
        occurred_at=record.occurred_at.astimezone(UTC),
        provider=record.provider,
        model=record.model,
        operation=record.operation,
        service_tier=record.service_tier,  # type: ignore[arg-type]  # one of the tiers
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
        status=record.status,  # type: ignore[arg-type]  # one of the two
    )
