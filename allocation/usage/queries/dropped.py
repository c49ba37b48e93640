"""Months whose records are gone after their retention."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from allocation.meters.engine.months import Month
from allocation.usage.models import DroppedMonth, ImportedRecord


def dropped_months() -> list[Month]:
    """In their order."""
    return [Month.of(first) for first in DroppedMonth.objects.order_by("month").values_list("month", flat=True)]


def in_dropped_months(column: str) -> Q | None:
    """The condition that an instant lies in one of them; None where none was dropped."""
    condition: Q | None = None
    for month in dropped_months():
        lies = Q(**{f"{column}__gte": month.since, f"{column}__lt": month.until})
        condition = lies if condition is None else condition | lies
    return condition


def without_records(held: QuerySet[ImportedRecord]) -> list[Month]:
    """The months of which `held` are records that are gone and that only imports told of."""
    gone = in_dropped_months("record_occurred_at")
    if gone is None:
        return []
    alike = ImportedRecord.objects.filter(
        record_id=OuterRef("record_id"), record_occurred_at=OuterRef("record_occurred_at"), is_new=True
    )
    instants = held.filter(gone, Exists(alike)).order_by().values_list("record_occurred_at", flat=True).distinct()
    return sorted({Month.of(instant.date()) for instant in instants})
