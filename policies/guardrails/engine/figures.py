"""What was measured, as a sentence for people: money first, each amount with its unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from governance.charts.engine.numbers import exact_quantity, money
from policies.guardrails.engine.facts import CATALOGUE, LASTS_S

PERIOD_END, EXHAUSTED_IN = "forecast.period_end", "forecast.exhausted_in"
DAY_S = 86_400

_NOUNS = {"requests": "requests", "tokens": "tokens", "errors": "failed requests", "gpu_hours": "GPU hours"}


def figures(inputs: Mapping[str, Any], currency: str) -> str:
    """From the inputs of an evaluation: ``110.00 EUR of 100.00 EUR is used.`` "" where nothing was measured."""
    read = [fact for fact in inputs.get("facts", {}).values() if fact.get("value") is not None]
    parts = list(dict.fromkeys((*_budgets(read, currency), *_windows(read, currency))))
    return f"{'; '.join(parts)}." if parts else ""


def _budgets(read: Iterable[Mapping[str, Any]], currency: str) -> Iterator[str]:
    """Use and amount of each budget that was read, by its unit; the other facts of budgets one by one."""
    by_unit: dict[str, dict[str, str]] = {}
    ends: list[str] = []
    for fact in read:
        if not CATALOGUE[fact["fact"]].is_budget:
            continue
        name = fact["fact"].removeprefix("budget.")
        if name == EXHAUSTED_IN:
            ends.append(_exhausted(int(Decimal(str(fact["value"])))))
        elif name == "used_ratio" and "used" in fact:
            by_unit.setdefault(fact["budget"], {}).update(used=fact["used"], amount=fact["amount"])
        elif name != "used_ratio":
            by_unit.setdefault(fact["unit"], {})[name] = str(fact["value"])
    for unit in sorted(by_unit, key=lambda unit: (unit != "money", unit)):
        yield from _budget(by_unit[unit], unit, currency)
    yield from ends


def _budget(known: Mapping[str, str], unit: str, currency: str) -> Iterator[str]:
    written = {name: _amount(value, unit, currency) for name, value in known.items()}
    if "used" in written:
        yield (
            f"{written['used']} of {written['amount']} is used" if "amount" in written else f"{written['used']} is used"
        )
    elif "amount" in written:
        yield f"the budget is {written['amount']}"
    if "remaining" in written:
        yield f"{written['remaining']} remains"
    expected = [
        written[f"{PERIOD_END}.{bound}"] for bound in ("low", "mid", "high") if f"{PERIOD_END}.{bound}" in written
    ]
    if expected:
        yield f"{' to '.join(dict.fromkeys(expected))} is expected by the end of the period"
    if "daily_share" in written:
        yield f"the daily share of the budget is {written['daily_share']}"


def _exhausted(seconds: int) -> str:
    if not seconds:
        return "the budget is spent"
    if seconds >= LASTS_S:
        return "the budget is expected to last its period"
    days = seconds // DAY_S
    return (
        f"the budget is expected to be spent in {days} days"
        if days > 1
        else "the budget is expected to be spent within two days"
    )


def _windows(read: Iterable[Mapping[str, Any]], currency: str) -> Iterator[str]:
    """What was counted in windows, money first."""
    counted = [fact for fact in read if CATALOGUE[fact["fact"]].is_windowed]
    for fact in sorted(counted, key=lambda fact: fact["unit"] != "money"):
        amount = _amount(str(fact["value"]), fact["unit"], currency, fact["fact"])
        within = "in this period" if fact["window"] == "period_to_date" else f"in the last {fact['window']}"
        yield f"{amount} {'was spent ' if fact['unit'] == 'money' else ''}{within}"


def _amount(value: str, unit: str, currency: str, fact: str = "") -> str:
    if unit == "money":
        return money(Decimal(value), currency)
    noun = "unpriced requests" if fact == "unpriced_requests" else _NOUNS.get(fact) or _NOUNS.get(unit, unit)
    return f"{exact_quantity(Decimal(value))} {noun}"
