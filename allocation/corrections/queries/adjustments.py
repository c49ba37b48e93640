"""Recorded usage with its corrections, and what a period cost as it was known at an earlier time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from allocation.corrections.models import Adjustment
from allocation.usage.models import UsageDay, UsageRecord

ZERO = Decimal(0)
Identity = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class CorrectedRecord:
    """Where a record counts now and what it costs now. `cost` is None while it has no price, and for a failed call.
    `list_cost` is its cost at list prices, None where nobody kept it. `partly_unpriced_requests`, `unpriced_tokens` and
    `tokenless_cost` are what it adds to these sums of its roll-ups.
    `requests` is 0 for money alone, and for a record that was taken back.
    """

    scope_id: int
    cost: Decimal | None
    list_cost: Decimal | None
    partly_unpriced_requests: int
    unpriced_tokens: int
    tokenless_cost: Decimal
    price_source: str
    price_version: str
    attribution: str
    requests: int = 1

    @property
    def counts(self) -> bool:
        """Whether it counts for anything: it does not once it was taken back."""
        return bool(self.requests or self.cost)


def identity_of(record: UsageRecord) -> Identity:
    """Its id and instant: ids alone may repeat."""
    return str(record.pk), record.occurred_at


def in_batches(records: QuerySet[UsageRecord], *, since: datetime, size: int) -> Iterator[Sequence[UsageRecord]]:
    """Records from `since` on in batches of at most `size`, in the order of instant and id."""
    last: UsageRecord | None = None
    while True:
        following = records.filter(occurred_at__gte=since if last is None else last.occurred_at)
        if last is not None:
            following = following.exclude(occurred_at=last.occurred_at, id__lte=last.pk)
        batch = list(following.order_by("occurred_at", "id")[:size])
        if not batch:
            return
        yield batch
        last = batch[-1]


def corrected_records(records: Sequence[UsageRecord]) -> dict[Identity, CorrectedRecord]:
    """Each record with its adjustments, by identity; one query for all of them."""
    rows: dict[Identity, list[Adjustment]] = defaultdict(list)
    adjustments = Adjustment.objects.filter(record_id__in=[record.pk for record in records]).order_by("pk")
    for row in adjustments:
        rows[str(row.record_id), row.record_occurred_at].append(row)
    return {identity_of(record): _corrected(record, rows.get(identity_of(record), ())) for record in records}


def _corrected(record: UsageRecord, adjustments: Iterable[Adjustment]) -> CorrectedRecord:
    """Of the two rows of a move the one that adds is the later, so the last attribution is the present one."""
    scope_id, cost, source, version = record.scope_id, record.cost or ZERO, record.price_source, record.price_version
    attribution, unpriced = record.attribution, record.requests if record.is_unpriced else 0
    partly, tokens, tokenless = record.requests if record.is_partly_unpriced else 0, record.unpriced_tokens, ZERO
    if record.cost is not None and tokens == record.total_tokens:
        tokenless = record.cost
    at_list = record.list_cost if record.cost is not None else ZERO
    requests = record.requests
    for row in adjustments:
        requests += row.requests
        cost += row.cost
        unpriced += row.unpriced_requests
        partly += row.partly_unpriced_requests
        tokens += row.unpriced_tokens
        tokenless += row.tokenless_cost
        if at_list is not None:
            at_list += row.cost if row.list_cost is None else row.list_cost
        if row.attribution:
            scope_id, attribution = row.scope_id, row.attribution
        if row.price_source:
            source, version = row.price_source, row.price_version
    is_failed = record.cost is None and not record.is_unpriced
    return CorrectedRecord(
        scope_id=scope_id,
        cost=None if unpriced or is_failed else cost,
        list_cost=at_list,
        partly_unpriced_requests=partly,
        unpriced_tokens=tokens,
        tokenless_cost=tokenless,
        price_source=source,
        price_version=version,
        attribution=attribution,
        requests=requests,
    )


def cost_as_known(
    *, scope_ids: Sequence[int], since: datetime, until: datetime, known_at: datetime
) -> dict[int, Decimal]:
    """By scope id, what the days [since, until) cost the scope itself as it was known at `known_at`: the roll-ups of
    today without the usage received and the corrections made after that instant.
    """
    costs = dict.fromkeys(scope_ids, ZERO)
    days = UsageDay.objects.filter(scope_id__in=scope_ids, bucket__gte=since, bucket__lt=until)
    for scope_id, cost in days.values_list("scope_id").annotate(total=Sum("cost")).order_by():
        costs[scope_id] += cost
    later = UsageRecord.objects.annotate(counts_at=Coalesce("booked_at", "occurred_at")).filter(
        # What is booked in a window occurred before its end: closed months are booked later, never earlier.
        scope_id__in=scope_ids, occurred_at__lt=until, received_at__gt=known_at, counts_at__gte=since,
        counts_at__lt=until, cost__isnull=False,
    )  # fmt: skip
    for scope_id, cost in later.values_list("scope_id").annotate(total=Sum("cost")).order_by():
        costs[scope_id] -= cost
    made = Adjustment.objects.filter(
        Q(booked_at__gte=since, booked_at__lt=until), scope_id__in=scope_ids, made_at__gt=known_at
    )
    for scope_id, cost in made.values_list("scope_id").annotate(total=Sum("cost")).order_by():
        costs[scope_id] -= cost
    return costs
