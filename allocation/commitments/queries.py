"""What commitments covered in a month, also as the lines by which FOCUS describes committed usage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db.models import Sum

from allocation.commitments.engine.covered_months import (
    PRICED_PER,
    CommitmentMonth,
    CommitmentTerms,
    Kind,
    Unit,
    UsageLine,
    bill_by_day,
    commitment_months,
)
from allocation.commitments.models import Commitment
from allocation.meters.engine.activity import OTHER
from allocation.meters.engine.months import Month
from allocation.usage.models import UsageDay
from governance.calendar.engine import DAY, midnight
from governance.scopes.queries import scope_tree


@dataclass(frozen=True, slots=True)
class CommittedLine:
    """A part of a commitment's amount: `status` Used by a scope on a day, or Unused in a month (no scope and model, no
    consumed quantity). FOCUS's PricingCategory is Committed. The amounts of a month's lines sum to the commitment's.

    `booked_cost` is what the usage of a used line was booked at, by its own charges at the price book's prices.
    """

    commitment: str
    kind: str
    provider: str
    status: str
    scope: str
    model: str
    period_start: datetime
    period_end: datetime
    quantity: Decimal
    consumed_quantity: Decimal | None
    unit: str
    amount: Decimal
    booked_cost: Decimal
    on_demand_cost: Decimal | None
    currency: str
    pricing_category: str = "Committed"
    activity: str = ""


def commitments_in(organisation_id: int, month: Month) -> list[CommitmentMonth]:
    """What every commitment in force in the month has covered until now, in the order in which they take usage."""
    path_of = scope_tree().by_id
    committed = [
        terms_of(row, path_of[row.scope_id].path)
        for row in Commitment.objects.filter(organisation_id=organisation_id, is_current=True)
    ]
    return commitment_months(committed, _usage(organisation_id, month, committed), month)


def committed_charges(organisation_id: int, since: date, until: date) -> Iterator[CommittedLine]:
    """Of the months that begin in [since, until)."""
    month, currency = Month.of(since), scope_tree().by_id[organisation_id].currency
    if month.start < since:
        month = month.following
    while month.start < until:
        for commitment in commitments_in(organisation_id, month):
            yield from _lines(commitment, currency)
        month = month.following


@dataclass(frozen=True, slots=True)
class CommittedDifference:
    """What a commitment cost a scope on a day beside what the usage it covered was booked at: below zero where that was
    more. What nobody used is the organisation's.
    """

    day: date
    scope_id: int
    activity: str
    unit: Unit
    cost: Decimal


def committed_differences(organisation_id: int, since: date, until: date) -> Iterator[CommittedDifference]:
    """Of the days [since, until). Over a whole month a commitment's differences and the booked cost of what it covered
    sum to its bill; a day bears its part of the month's.
    """
    if not Commitment.objects.filter(organisation_id=organisation_id, is_current=True).exists():
        return
    ids = {path: node.id for path, node in scope_tree().by_path.items()}
    month = Month.of(since)
    while month.start < until:
        for covered in commitments_in(organisation_id, month):
            unit, unused = covered.commitment.unit, bill_by_day(covered)
            for line in covered.lines:
                if line.day is not None:
                    unused[line.day] -= line.amount
                    if since <= line.day < until:
                        cost = line.amount - line.booked_cost
                        yield CommittedDifference(line.day, ids[line.scope], line.activity, unit, cost)
            for day, cost in unused.items():
                if since <= day < until:
                    yield CommittedDifference(day, organisation_id, OTHER, unit, cost)
        month = month.following


def gpu_commitments(scope_ids: Iterable[int]) -> list[CommitmentTerms]:
    """The current commitments that reserve GPU hours for exactly these scopes."""
    committed = Commitment.objects.filter(is_current=True, unit="gpu_hour", scope_id__in=list(scope_ids))
    rows = list(committed.order_by("pk"))
    nodes = scope_tree().by_id if rows else {}
    return [terms_of(row, nodes[row.scope_id].path) for row in rows]


def terms_of(row: Commitment, scope: str) -> CommitmentTerms:
    """`scope` is the path of the row's scope."""
    kind: Kind = row.kind  # type: ignore[assignment]  # its choices are those of Kind
    unit: Unit = row.unit  # type: ignore[assignment]  # as above
    return CommitmentTerms(
        name=row.name,
        kind=kind,
        provider=row.provider,
        models=tuple(row.models_covered),
        scope=scope,
        unit=unit,
        amount_per_month=row.amount_per_month,
        units_per_month=row.units_per_month,
        on_demand_unit_price=row.on_demand_unit_price,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
    )


def _usage(organisation_id: int, month: Month, committed: Iterable[CommitmentTerms]) -> list[UsageLine]:
    tree = scope_tree()
    providers = {terms.provider for terms in committed}
    if not providers:
        return []
    rows = (
        UsageDay.objects.filter(
            scope_id__in=tree.descendants(organisation_id),
            provider__in=providers,
            bucket__gte=month.since,
            bucket__lt=month.until,
        )
        .values("bucket", "scope_id", "provider", "model", "activity")
        .annotate(
            seconds=Sum("gpu_seconds"), tokens=Sum("input_tokens") + Sum("output_tokens"), calls=Sum("requests"),
            spent=Sum("cost"),
        )
        .order_by()
    )  # fmt: skip
    return [
        UsageLine(
            day=row["bucket"].astimezone(UTC).date(),
            scope=tree.by_id[row["scope_id"]].path,
            provider=row["provider"],
            model=row["model"],
            gpu_seconds=row["seconds"],
            tokens=int(row["tokens"]),
            requests=int(row["calls"]),
            cost=row["spent"],
            activity=row["activity"],
        )
        for row in rows
    ]


def _lines(covered: CommitmentMonth, currency: str) -> Iterator[CommittedLine]:
    commitment = covered.commitment
    price = commitment.on_demand_unit_price
    for line in covered.lines:
        start = midnight(line.day or max(covered.month.start, commitment.starts_on))
        month_end = min(covered.month.end, commitment.ends_on or covered.month.end)
        yield CommittedLine(
            commitment=commitment.name,
            kind=commitment.kind,
            provider=commitment.provider,
            status="Unused" if line.day is None else "Used",
            scope=line.scope,
            model=line.model,
            period_start=start,
            period_end=start + DAY if line.day else midnight(month_end),
            quantity=line.units,
            consumed_quantity=None if line.day is None else line.units,
            unit=commitment.unit,
            amount=line.amount,
            booked_cost=line.booked_cost,
            on_demand_cost=None if price is None else (line.units * price / PRICED_PER[commitment.unit]),
            currency=currency,
            activity=line.activity,
        )
