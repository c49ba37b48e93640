"""Taking recorded usage back, and counting it again: records never change, what they count for is corrected."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction

from allocation.corrections.engine.corrections import Correction
from allocation.corrections.models import Adjustment, AdjustmentKind, AdjustmentRun
from allocation.corrections.operations.adjustments import books_in_force, lock_corrections, post_corrections
from allocation.corrections.operations.reattribution import at_list_prices, negated, sums_of
from allocation.corrections.operations.rerating import correction_of
from allocation.corrections.queries import CorrectedRecord, corrected_records, identity_of
from allocation.prices.engine.rates import to_nanos
from allocation.usage.engine.call_prices import FOCUS
from allocation.usage.engine.charges import ADJUSTMENT
from allocation.usage.engine.costing import Organisation
from allocation.usage.engine.roll_ups import Sums
from allocation.usage.models import UsageRecord


@transaction.atomic
def take_back(*, run: AdjustmentRun, records: Sequence[UsageRecord], at: datetime) -> int:
    """All that the records of the run's organisation count for leaves the scope where it counts. Those that count for
    nothing are left as they are. Returns how many were taken back.
    """
    lock_corrections(run.organisation_id)
    books = books_in_force(run.organisation_id, at)
    corrected = corrected_records(records)
    counting = [(record, now) for record in records for now in (corrected[identity_of(record)],) if now.counts]
    corrections = [correction for record, now in counting for correction in _taken_back(record, now, books, at)]
    post_corrections(run=run, corrections=corrections, records=len(counting), at=at)
    return len(counting)


def _taken_back(record: UsageRecord, now: CorrectedRecord, books: Organisation, at: datetime) -> Iterator[Correction]:
    sums, at_list = sums_of(record, now), at_list_prices(now)
    if record.price_source != FOCUS:
        yield correction_of(record, books, at, scope_id=now.scope_id, sums=negated(sums), list_nanos=-at_list)
        return
    if now.scope_id != record.scope_id:
        # Its row in FOCUS stands at the scope it came to, and so does what takes it back.
        yield correction_of(record, books, at, scope_id=now.scope_id, sums=negated(sums), list_nanos=-at_list)
        yield correction_of(
            record, books, at, scope_id=record.scope_id, sums=sums, list_nanos=at_list, attribution=record.attribution
        )
    yield correction_of(
        record, books, at, scope_id=record.scope_id, sums=negated(sums), list_nanos=-at_list, charge_source=FOCUS
    )


@transaction.atomic
def count_again(*, run: AdjustmentRun, records: Sequence[UsageRecord], at: datetime) -> int:
    """Records that were taken back count as they did before. Those that count are left as they are. Returns how many
    count again.
    """
    lock_corrections(run.organisation_id)
    books = books_in_force(run.organisation_id, at)
    corrected = corrected_records(records)
    silent = [record for record in records if not corrected[identity_of(record)].counts]
    taken = _last_taken_back(silent)
    corrections = [
        correction_of(
            record,
            books,
            at,
            scope_id=adjustment.scope_id,
            sums=negated(_sums_of_adjustment(adjustment)),
            list_nanos=-to_nanos(adjustment.cost if adjustment.list_cost is None else adjustment.list_cost),
            charge_source=FOCUS if record.price_source == FOCUS else ADJUSTMENT,
        )
        for record in silent
        if (adjustment := taken.get(identity_of(record))) is not None
    ]
    post_corrections(run=run, corrections=corrections, records=len(corrections), at=at)
    return len(corrections)


def _last_taken_back(records: Sequence[UsageRecord]) -> dict[tuple[str, datetime], Adjustment]:
    """By identity of the record, what took it back last."""
    rows = Adjustment.objects.filter(
        record_id__in=[record.pk for record in records], run__kind=AdjustmentKind.TAKE_BACK
    ).order_by("pk")
    return {(str(row.record_id), row.record_occurred_at): row for row in rows}


def _sums_of_adjustment(row: Adjustment) -> Sums:
    return Sums(
        requests=row.requests,
        errors=row.errors,
        unpriced_requests=row.unpriced_requests,
        partly_unpriced_requests=row.partly_unpriced_requests,
        unpriced_tokens=row.unpriced_tokens,
        tokenless_nanos=to_nanos(row.tokenless_cost),
        input_tokens=row.input_tokens,
        cached_input_tokens=row.cached_input_tokens,
        cache_write_tokens=row.cache_write_tokens,
        output_tokens=row.output_tokens,
        reasoning_tokens=row.reasoning_tokens,
        gpu_seconds=row.gpu_seconds,
        cost_nanos=to_nanos(row.cost),
        last_s=row.record_occurred_at.timestamp(),
    )
