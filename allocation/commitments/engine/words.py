"""What a commitment came to in a month, in one sentence: money first, then the cause, then what to do."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from allocation.commitments.engine.covered_months import PRICED_PER, CommitmentMonth, Unit
from governance.charts.engine.numbers import count, money, percent, quantity

# One unit, and several; of a commitment to spend, money stands for both.
UNIT_WORDS: dict[Unit, tuple[str, str]] = {
    "gpu_hour": ("GPU hour", "GPU hours"),
    "token": ("token", "tokens"),
    "request": ("request", "requests"),
    "money": ("", ""),
}


def sentence(covered: CommitmentMonth, currency: str, today: date) -> str:
    """Such as `360.00 EUR of the 1,440.00 EUR for node was not used in 2026-11: 540.00 of 720.00 GPU hours were used
    (75.0 %), so that a useful GPU hour costs 2.67 EUR against 4.00 EUR on demand; …`. Of a month that still runs on
    `today`, what the pace of its whole days comes to is said, too.
    """
    runs = today < covered.commitment.in_force(covered.month)[1]
    name, bill = covered.commitment.name, money(covered.amount, currency)
    if covered.unused_amount:
        unused, is_not = money(covered.unused_amount, currency), "is not used yet" if runs else "was not used"
        head = f"{unused} of the {bill} for {name} {is_not} in {covered.month}"
    else:
        head = f"All of the {bill} for {name} {'is' if runs else 'was'} used in {covered.month}"
    return f"{head}: {_used(covered, currency)}{_cost(covered, currency)}. {_what_to_do(covered, currency, today)}"


def _used(covered: CommitmentMonth, currency: str) -> str:
    share = "" if covered.utilisation is None else f" ({percent(covered.utilisation)})"
    whole = _units(covered.committed_units, covered, currency)
    return f"{_number(covered.covered_units, covered.commitment.unit)} of {whole}{share}"


def _cost(covered: CommitmentMonth, currency: str) -> str:
    """What a unit that was used costs, against on demand, and from where on that is cheaper."""
    unit, price = covered.commitment.unit, covered.commitment.on_demand_unit_price
    parts = []
    if unit != "money" and covered.cost_per_useful_unit is not None:
        number, (one, several) = PRICED_PER[unit], UNIT_WORDS[unit]
        useful = f"a useful {one} costs" if number == 1 else f"{count(number)} useful {several} cost"
        against = "" if price is None else f" against {money(price, currency)} on demand"
        parts.append(f", so that {useful} {money(covered.cost_per_useful_unit * number, currency)}{against}")
    if covered.break_even_units is not None and covered.break_even_units <= covered.committed_units:
        least = _units(covered.break_even_units, covered, currency)
        parts.append(f"; it is cheaper than on demand from {least} on ({percent(covered.break_even_utilisation)})")
    return "".join(parts)


def _what_to_do(covered: CommitmentMonth, currency: str, today: date) -> str:
    if covered.on_demand_units:
        more = _units(covered.on_demand_units, covered, currency)
        return f"{more} more were paid for beside it: see whether committing to more is cheaper."
    wanted = covered.committed_units if covered.break_even_units is None else covered.break_even_units
    if wanted > covered.committed_units:
        return "Used in full it is dearer than on demand: do not renew it at this price."
    expected, pace = _at_pace(covered, currency, today)
    if expected is None:
        return "No whole day of it has passed: look again tomorrow."
    if expected >= wanted:
        return f"{pace}: nothing to do." if pace else "Nothing to do."
    short = _units(wanted - expected, covered, currency)
    advice = f"move work of {short} onto it, or commit to less."
    return f"{pace}: {advice}" if pace else advice[0].upper() + advice[1:]


def _at_pace(covered: CommitmentMonth, currency: str, today: date) -> tuple[Decimal | None, str]:
    """The units that will have been used at the end, and how that is said; what was used where the month is over."""
    first, end = covered.commitment.in_force(covered.month)
    if today >= end:
        return covered.covered_units, ""
    gone = (today - first).days
    if gone <= 0:
        return None, ""
    until_yesterday = sum((line.units for line in covered.lines if line.day and line.day < today), Decimal(0))
    expected = until_yesterday * (end - first).days / gone
    days = "its first day" if gone == 1 else f"its first {gone} days"
    return expected, f"At the pace of {days} it comes to {_units(expected, covered, currency)}"


def _units(units: Decimal, covered: CommitmentMonth, currency: str) -> str:
    unit = covered.commitment.unit
    one, several = UNIT_WORDS[unit]
    return f"{_number(units, unit)} {currency if unit == 'money' else one if units == 1 else several}"


def _number(units: Decimal, unit: Unit) -> str:
    return count(int(units)) if unit in {"token", "request"} else quantity(units)
