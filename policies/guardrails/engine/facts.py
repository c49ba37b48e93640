"""The fact catalogue: everything a guardrail may read, with its unit and whether it needs a window.

Every number is a double in expressions: durations and ages in seconds, ratios as 0.8 for 80 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import get_args

from policies.guardrails.engine.types import FactKey, Unit

WINDOWS: dict[str, timedelta | None] = {
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "period_to_date": None,
}
"""Window name to its length; ``period_to_date`` runs from the start of the scope's budget period."""

EMPTY_BUDGET_RATIO = Decimal(1_000_000)
"""Any share of a budget with nothing in it (given back, or never funded by its parent) once something is used: beyond
every threshold. Without a number nothing would ever be held back. Unused it is 1, just used up.
"""
LASTS_S = 3650 * 86_400
"""In how many seconds a budget is spent that is expected to last its period: beyond every threshold."""
BUDGET_UNITS: tuple[str, ...] = get_args(Unit)


class FactError(ValueError):
    """A fact that does not exist or has no such window or unit; the message is for the author."""


@dataclass(frozen=True, slots=True)
class FactKind:
    """A fact that guardrails may read; ``unit`` "budget" is the unit of the budget asked for. An allowance says how
    much may be used: at zero nothing may, and any share of it is used up.
    """

    name: str
    unit: str
    description: str
    is_windowed: bool = False
    is_budget: bool = False
    can_be_negative: bool = False
    is_allowance: bool = False


CATALOGUE: dict[str, FactKind] = {
    kind.name: kind
    for kind in (
        FactKind("cost", "money", "Cost of the scope and everything below it.", is_windowed=True),
        FactKind("requests", "requests", "Requests, failed ones included.", is_windowed=True),
        FactKind("tokens", "tokens", "Input and output tokens.", is_windowed=True),
        FactKind("errors", "requests", "Requests that failed.", is_windowed=True),
        FactKind("unpriced_requests", "requests", "Requests whose model has no price.", is_windowed=True),
        FactKind(
            "partly_unpriced_requests",
            "requests",
            "Requests whose cost leaves out something that has no price.",
            is_windowed=True,
        ),
        FactKind(
            "budget.amount", "budget", "Amount of the approved budget in force.", is_budget=True, is_allowance=True
        ),
        FactKind("budget.used", "budget", "Used in this period, sub-budgets included.", is_budget=True),
        FactKind(
            "budget.remaining", "budget", "Amount less used.", is_budget=True, can_be_negative=True, is_allowance=True
        ),
        FactKind(
            "budget.used_ratio",
            "ratio",
            "Used / amount; when the amount is zero, 1 or, once used, 1,000,000.",
            is_budget=True,
        ),
        FactKind("budget.daily_share", "budget", "Amount / days of the period.", is_budget=True, is_allowance=True),
        FactKind(
            "forecast.period_end.low",
            "budget",
            "Use at the end of the budget's period, which 10 of 100 cases stay below; never less than is used.",
            is_budget=True,
        ),
        FactKind("forecast.period_end.mid", "budget", "The same for 50 of 100 cases.", is_budget=True),
        FactKind("forecast.period_end.high", "budget", "The same for 90 of 100 cases.", is_budget=True),
        FactKind(
            "forecast.exhausted_in",
            "seconds",
            "Until the day on which the budget is spent in 50 of 100 cases; ten years when it lasts its period.",
            is_budget=True,
        ),
        FactKind(
            "quarantine.cost",
            "money",
            "What the scope's senders state, or list prices give, of records that wait in quarantine.",
        ),
        FactKind("quarantine.records", "records", "Records of the scope's senders that wait in quarantine."),
        FactKind("data.age", "seconds", "Time since the organisation's usage feed last delivered."),
    )
}


def fact_key(fact: str, window: str = "", unit: str = "") -> FactKey:
    """The key of a declared fact, or a FactError that says what would be right."""
    kind = CATALOGUE.get(fact)
    if kind is None:
        raise FactError(f"unknown fact `{fact}`{_nearest(fact, CATALOGUE)}; known facts: {_listed(CATALOGUE)}")
    if kind.is_windowed and not window:
        raise FactError(f"fact `{fact}` needs a window; choose one of {_listed(WINDOWS)}")
    if window and not kind.is_windowed:
        raise FactError(f"fact `{fact}` has no window; remove `window: {window}`")
    if window and window not in WINDOWS:
        raise FactError(f"unknown window `{window}` for fact `{fact}`; choose one of {_listed(WINDOWS)}")
    if unit and not kind.is_budget:
        raise FactError(f"fact `{fact}` has no unit to choose; remove `unit: {unit}`")
    if unit and unit not in BUDGET_UNITS:
        raise FactError(f"unknown unit `{unit}` for fact `{fact}`; choose one of {_listed(BUDGET_UNITS)}")
    return FactKey(fact, window, (unit or "money") if kind.is_budget else "")


def unit_of(key: FactKey) -> str:
    """The unit of the fact's value: money, tokens, requests, gpu_hours, ratio or seconds."""
    kind = CATALOGUE[key.fact]
    return key.unit if kind.unit == "budget" else kind.unit


def every_key() -> tuple[FactKey, ...]:
    """All keys there are, in the catalogue's order."""
    return tuple(
        FactKey(kind.name, window, unit)
        for kind in CATALOGUE.values()
        for window in (WINDOWS if kind.is_windowed else ("",))
        for unit in (BUDGET_UNITS if kind.is_budget else ("",))
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f" (did you mean {' or '.join(f'`{name}`' for name in close)}?)" if close else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
