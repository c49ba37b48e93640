"""What commitments covered in a month: coverage, utilisation, unused capacity, break-even.

Commitments take usage in the order of their start, then of their names, and each in the order of days, so that no usage
is covered twice. Quantities are computed in base units, GPU time in seconds; results are in the commitment's own unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from allocation.meters.engine.apportion import AMOUNT_PLACES, apportion, exact_units, of_units
from allocation.meters.engine.months import Month
from governance.calendar.engine import DAY, is_in_force
from governance.documents.engine.globs import glob_matches
from governance.scopes.engine import is_at_or_below

Unit = Literal["gpu_hour", "token", "request", "money"]
Kind = Literal["reserved_gpu", "committed_spend", "provisioned_throughput"]
PLACES = Decimal(1).scaleb(-AMOUNT_PLACES)
RATIO_PLACES = Decimal("0.000001")
# Base units (seconds for GPU time) in one unit.
BASE_UNITS: dict[Unit, int] = {"gpu_hour": 3600, "token": 1, "request": 1, "money": 1}
# How many units a unit price is for, as in price books.
PRICED_PER: dict[Unit, int] = {"gpu_hour": 1, "token": 1_000_000, "request": 1, "money": 1}
# Scope and model of the part that nobody used.
UNUSED = ""


@dataclass(frozen=True, slots=True)
class CommitmentTerms:
    """`amount_per_month` pays for `units_per_month` of capacity, or of list cost, used or not. `ends_on` is not
    included.
    """

    name: str
    kind: Kind
    provider: str
    models: tuple[str, ...]
    scope: str
    unit: Unit
    amount_per_month: Decimal
    units_per_month: Decimal
    on_demand_unit_price: Decimal | None
    starts_on: date
    ends_on: date | None

    def covers(self, line: UsageLine) -> bool:
        """By provider, day, scope and model, whether or not any capacity is left."""
        return (
            line.provider == self.provider
            and is_in_force(self.starts_on, self.ends_on, line.day)
            and is_at_or_below(line.scope, self.scope)
            and any(glob_matches(pattern, line.model) for pattern in self.models)
        )

    def in_force(self, month: Month) -> tuple[date, date]:
        """The first of its days in the month, and the day after the last; in turn where it has none."""
        return max(self.starts_on, month.start), min(self.ends_on or month.end, month.end)

    def days_in(self, month: Month) -> int:
        """How many days of the month it is in force."""
        first, end = self.in_force(month)
        return max((end - first).days, 0)


def reserved_gpu_seconds(commitments: Iterable[CommitmentTerms], since: date, until: date) -> Decimal | None:
    """GPU seconds paid for in the days [since, until), a month's in proportion to its days; None where none is
    reserved.
    """
    reserved: Decimal | None = None
    for commitment in commitments:
        month = Month.of(since)
        while commitment.unit == "gpu_hour" and month.start < until:
            start = max(commitment.starts_on, month.start, since)
            end = min(commitment.ends_on or month.end, month.end, until)
            if start < end:
                hours = commitment.units_per_month * (end - start).days / month.days
                reserved = (reserved or Decimal(0)) + hours * BASE_UNITS["gpu_hour"]
            month = month.following
    return reserved


@dataclass(frozen=True, slots=True)
class UsageLine:
    """Usage of one scope on one day of one provider's model; `cost` as it was booked."""

    day: date
    scope: str
    provider: str
    model: str
    gpu_seconds: Decimal
    tokens: int
    requests: int
    cost: Decimal
    activity: str = ""

    def quantity(self, unit: Unit) -> Decimal:
        """In base units, at least 0: corrections may be negative."""
        match unit:
            case "gpu_hour":
                quantity = self.gpu_seconds
            case "token":
                quantity = Decimal(self.tokens)
            case "request":
                quantity = Decimal(self.requests)
            case "money":
                quantity = self.cost
        return max(quantity, Decimal(0))


@dataclass(frozen=True, slots=True)
class CommitmentPart:
    """A part of a commitment's units and amount: used by a scope on a day, or unused (without scope, day and model).
    `booked_cost` is what the covered usage was booked at.
    """

    day: date | None
    scope: str
    provider: str
    model: str
    units: Decimal
    amount: Decimal
    booked_cost: Decimal
    activity: str = ""


@dataclass(frozen=True, slots=True)
class CommitmentMonth:
    """What a commitment covered in a month. Units are the commitment's; ratios have six places and are None without a
    whole.

    `eligible_units` are those of usage it could have covered, `covered_units` those it did; the rest was paid on
    demand. `unused_amount` is the amount's part for units nobody used; `idle_cost` is the amount less what the covered
    usage was booked at. The amounts of `lines` sum to `amount`, the unused part last.
    """

    commitment: CommitmentTerms
    month: Month
    amount: Decimal
    committed_units: Decimal
    eligible_units: Decimal
    covered_units: Decimal
    on_demand_units: Decimal
    coverage: Decimal | None
    utilisation: Decimal | None
    unused_amount: Decimal
    booked_cost: Decimal
    idle_cost: Decimal
    break_even_units: Decimal | None
    break_even_utilisation: Decimal | None
    cost_per_useful_unit: Decimal | None
    saving: Decimal | None
    lines: tuple[CommitmentPart, ...]


def commitment_months(
    commitments: Iterable[CommitmentTerms], usage: Iterable[UsageLine], month: Month
) -> list[CommitmentMonth]:
    """Of the commitments in force in the month, in the order in which they take usage."""
    left = {line: Decimal(1) for line in usage}
    lines = sorted(left, key=lambda line: (line.day, line.scope, line.provider, line.model, line.activity))
    in_order = sorted(commitments, key=lambda commitment: (commitment.starts_on, commitment.name))
    return [_covered_month(commitment, lines, left, month) for commitment in in_order if commitment.days_in(month)]


def _covered_month(
    commitment: CommitmentTerms, lines: Sequence[UsageLine], left: dict[UsageLine, Decimal], month: Month
) -> CommitmentMonth:
    part_of_month = Decimal(commitment.days_in(month)) / month.days
    amount = (commitment.amount_per_month * part_of_month).quantize(PLACES)
    committed = (commitment.units_per_month * BASE_UNITS[commitment.unit] * part_of_month).quantize(PLACES)
    eligible, covered = Decimal(0), Decimal(0)
    parts: list[CommitmentPart] = []
    for line in lines:
        whole = line.quantity(commitment.unit)
        if not whole or not left[line] or not commitment.covers(line):
            continue
        free = (whole * left[line]).quantize(PLACES)
        taken = min(free, committed - covered)
        eligible, covered = eligible + free, covered + taken
        if taken > 0:
            left[line] = max(left[line] - taken / whole, Decimal(0)) if taken < free else Decimal(0)
            booked = (line.cost * taken / whole).quantize(PLACES)
            parts.append(
                CommitmentPart(
                    line.day, line.scope, line.provider, line.model, taken, Decimal(0), booked, line.activity
                )
            )
    parts.append(CommitmentPart(None, UNUSED, commitment.provider, UNUSED, committed - covered, Decimal(0), Decimal(0)))
    return _month(
        commitment, month, amount, committed, eligible, covered, _with_amounts(parts, amount, commitment.unit)
    )


def _with_amounts(lines: Sequence[CommitmentPart], amount: Decimal, unit: Unit) -> tuple[CommitmentPart, ...]:
    """Each line with its part of the amount; the parts sum to it exactly."""
    weights = [exact_units(line.units, AMOUNT_PLACES) for line in lines]
    parts = apportion(exact_units(amount, AMOUNT_PLACES), weights)
    return tuple(
        replace(line, units=_in_units(line.units, unit), amount=of_units(part, AMOUNT_PLACES))
        for line, part in zip(lines, parts, strict=True)
    )


def _month(
    commitment: CommitmentTerms,
    month: Month,
    amount: Decimal,
    committed: Decimal,
    eligible: Decimal,
    covered: Decimal,
    lines: tuple[CommitmentPart, ...],
) -> CommitmentMonth:
    unit, price = commitment.unit, commitment.on_demand_unit_price
    committed_units, covered_units = _in_units(committed, unit), _in_units(covered, unit)
    booked = sum((line.booked_cost for line in lines), Decimal(0))
    break_even = (amount / price * PRICED_PER[unit]).quantize(PLACES) if price else None
    return CommitmentMonth(
        commitment=commitment,
        month=month,
        amount=amount,
        committed_units=committed_units,
        eligible_units=_in_units(eligible, unit),
        covered_units=covered_units,
        on_demand_units=_in_units(eligible - covered, unit),
        coverage=_ratio(covered, eligible),
        utilisation=_ratio(covered, committed),
        unused_amount=lines[-1].amount,
        booked_cost=booked,
        idle_cost=max(amount - booked, Decimal(0)),
        break_even_units=break_even,
        break_even_utilisation=None if break_even is None else _ratio(break_even, committed_units),
        cost_per_useful_unit=(amount / covered_units).quantize(PLACES) if covered_units else None,
        saving=None if price is None else (covered_units * price / PRICED_PER[unit] - amount).quantize(PLACES),
        lines=lines,
    )


def bill_by_day(covered: CommitmentMonth) -> dict[date, Decimal]:
    """The month's amount by the days on which it was in force: equal parts that sum to it exactly."""
    first = max(covered.commitment.starts_on, covered.month.start)
    days = [first + DAY * number for number in range(covered.commitment.days_in(covered.month))]
    parts = apportion(exact_units(covered.amount, AMOUNT_PLACES), [1] * len(days))
    return {day: of_units(part, AMOUNT_PLACES) for day, part in zip(days, parts, strict=True)}


def _in_units(base: Decimal, unit: Unit) -> Decimal:
    return (base / BASE_UNITS[unit]).quantize(PLACES)


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return (part / whole).quantize(RATIO_PLACES) if whole else None
