"""A billing account's month stated anew: what the new file no longer states is taken back, what it states too stays."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from allocation.corrections.models import AdjustmentKind, AdjustmentRun
from allocation.corrections.operations import (
    RecordsDropped,
    begin_run,
    books_in_force,
    finish_run,
    lock_corrections,
    take_back,
)
from allocation.focus.models import FocusImport, FocusRow, FocusRowStatus
from allocation.meters.engine.months import Month
from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.engine.call_prices import FOCUS
from allocation.usage.engine.costing import identity
from allocation.usage.models import UsageRecord
from allocation.usage.operations import with_retries
from allocation.usage.queries import in_dropped_months
from governance.calendar.engine import month_after
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

BATCH = 1_000
# What a row's digest is shortened to while a file is held against what is stored.
DIGEST_BYTES = 16
AccountPeriod = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class Statement:
    """What one delivery states whole: its accounts' billing periods, and how many rows of each digest (shortened to
    DIGEST_BYTES) it holds.
    """

    periods: frozenset[AccountPeriod]
    counts: Mapping[bytes, int]

    def states(self, row: FocusRow) -> bool:
        """Whether it holds the stored row too."""
        return row.occurrence <= self.counts.get(bytes.fromhex(row.digest)[:DIGEST_BYTES], 0)


class Replacement:
    """Takes back, batch by batch, what a delivery no longer states. Rows of its own imports stay."""

    def __init__(self, statement: Statement, run: FocusImport, *, organisation_id: int, actor: Actor) -> None:
        self.statement = statement
        self.run = run
        self.organisation_id = organisation_id
        self.actor = actor
        self.corrections: AdjustmentRun | None = None
        self.taken_back = 0

    def gone(self, beside: Collection[int]) -> Iterator[Sequence[FocusRow]]:
        """The rows that count and are stated no more, without those of the imports `beside`."""
        if not self.statement.periods:
            return
        counting = self._of_periods().filter(status=FocusRowStatus.CHARGE, taken_back_at=None)
        batch: list[FocusRow] = []
        # Its own cells are not needed.
        for row in counting.exclude(source__in=beside).defer("cells", "notes").order_by("pk").iterator(BATCH):
            if not self.statement.states(row):
                batch.append(row)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def check_kept(self, beside: Collection[int]) -> None:
        """Raises records_dropped where what is stated no more was counted as usage whose records are gone."""
        dropped = in_dropped_months("charge_period_start")
        if dropped is None or not self.statement.periods:
            return
        counting = self._of_periods().filter(dropped, status=FocusRowStatus.CHARGE, taken_back_at=None)
        gone = [
            row
            for row in counting.exclude(source__in=beside).defer("cells", "notes").iterator(BATCH)
            if not self.statement.states(row)
        ]
        check_records_kept(self.run, gone)

    def take_back(self, rows: Sequence[FocusRow], *, at: datetime) -> None:
        """Takes the rows back, with a decision record for the first."""
        if self.corrections is None:
            starts = [start for _account, start in self.statement.periods]
            self.corrections = begin_run(
                kind=AdjustmentKind.TAKE_BACK,
                organisation=Scope.objects.get(pk=self.organisation_id),
                since=min(starts),
                until=max(map(_month_after, starts)),
                reason=f"{self.run.file_name} states the month anew (FOCUS import {self.run.pk}).",
                actor=self.actor,
                at=at,
            )
        self.taken_back += take_rows_back(self.corrections, rows, at=at)

    @transaction.atomic
    def finish(self, beside: Collection[int], *, at: datetime) -> None:
        """The imports before state these periods no more. One that states nothing else is replaced."""
        if self.corrections is not None:
            finish_run(self.corrections, at=at)
        if not self.statement.periods:
            return
        earlier = self._of_periods().filter(released_at=None).exclude(source__in=beside)
        imports = set(earlier.order_by().values_list("source", flat=True).distinct())
        earlier.update(released_at=at)
        left = FocusRow.objects.stated().filter(source=OuterRef("pk"))
        FocusImport.objects.filter(~Exists(left), pk__in=imports, withdrawn_at=None).update(replaced_by=self.run)

    def _of_periods(self) -> QuerySet[FocusRow]:
        periods = (Q(billing_account=account, billing_period_start=start) for account, start in self.statement.periods)
        return FocusRow.objects.filter(reduce(or_, periods), organisation_id=self.organisation_id)


def _month_after(start: datetime) -> datetime:
    first = month_after(start.date())
    return start.replace(year=first.year, month=first.month, day=1)


def check_records_kept(run: FocusImport, rows: Iterable[FocusRow]) -> None:
    """Raises records_dropped where one of the rows, all of dropped months, was counted as usage."""
    starts = {row.charge_period_start for row in rows if row.usage_record_id is not None}
    months = sorted({Month.of(start.astimezone(UTC).date()) for start in starts if start is not None})
    if months:
        raise RecordsDropped.of(run.file_name, months)


def take_rows_back(corrections: AdjustmentRun, rows: Sequence[FocusRow], *, at: datetime) -> int:
    """The rows count no more, and neither does the usage they were counted as. Returns how many records of usage."""
    return with_retries(lambda: _take_rows_back(corrections, rows, at))


@transaction.atomic
def _take_rows_back(corrections: AdjustmentRun, rows: Sequence[FocusRow], at: datetime) -> int:
    organisation_id = corrections.organisation_id
    lock_corrections(organisation_id)
    closed_until_s = books_in_force(organisation_id, at).closed_until_s
    wanted = {row.usage_record_id: row.charge_period_start for row in rows if row.usage_record_id is not None}
    _set_aside_held(organisation_id, wanted, at)
    # One that was held for its cost may have been corrected to another time before it was replayed.
    replayed = QuarantinedUsage.objects.filter(record_id__in=wanted).values_list("record_occurred_at", flat=True)
    records = UsageRecord.objects.filter(pk__in=wanted, occurred_at__in={*wanted.values(), *replayed})
    taken_back = take_back(run=corrections, records=list(records), at=at)
    late = [row.pk for row in rows if _counts_at(row).timestamp() < closed_until_s]
    ids = [row.pk for row in rows]
    FocusRow.objects.filter(pk__in=ids, taken_back_at=None).update(taken_back_at=at)
    FocusRow.objects.filter(pk__in=late, taken_back_at=at).update(reversed_at=at)
    return taken_back


def _set_aside_held(organisation_id: int, record_ids: Collection[UUID], at: datetime) -> None:
    """Charges that still wait in quarantine, held for their cost: nobody states them any more."""
    held = QuarantinedUsage.objects.waiting().filter(
        source_format=FOCUS, authority__in=scope_tree().descendants(organisation_id)
    )
    gone = [
        row.pk
        for row in held.order_by("pk").select_for_update(of=("self",))
        if row.payload and UUID(identity(organisation_id, FOCUS, str(row.payload["id"]))) in record_ids
    ]
    QuarantinedUsage.objects.filter(pk__in=gone).update(set_aside_at=at)


def _counts_at(row: FocusRow) -> datetime:
    """When it counts; every charge has a billing period."""
    counts_at = row.booked_at or row.billing_period_start
    assert counts_at is not None  # noqa: S101  # focus_charge_is_complete
    return counts_at
