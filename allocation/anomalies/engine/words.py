"""An anomaly in one sentence: money first, then the cause, then what to do."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from governance.charts.engine.numbers import count, money

TOKENS = "tokens"
WHAT_TO_DO = {
    "": "look at its records and say what it was",
    "yes": "find what causes it; accept it as the new usual only if it is to stay",
    "no": "",
    "planned": "",
    "accepted": "",
}


@dataclass(frozen=True, slots=True)
class ToldAnomaly:
    """What is told of an anomaly. Amounts are in the metric's unit; `feedback_word` is empty without feedback."""

    path: str
    model: str
    metric: str
    currency: str
    first_day: date
    last_day: date
    days_count: int
    observed: Decimal
    expected: Decimal
    is_open: bool
    feedback: str
    feedback_word: str


def sentence(told: ToldAnomaly) -> str:
    """Such as `595.00 USD more than usual: acme/search used gpt-4o for 700.00 instead of 105.00 on 2026-11-21.`"""
    more = _amount(told, told.observed - told.expected)
    instead = f"instead of {_amount(told, told.expected)}" if told.expected else "where nothing was used before"
    used = f"{told.path} used {told.model or 'all models together'} for {_amount(told, told.observed)} {instead}"
    on = f"on {told.first_day}"
    if told.days_count > 1:
        on = f"on {told.days_count} days from {told.first_day} to {told.last_day}"
    lasts = ", and it goes on" if told.is_open else ""
    known = "; ".join(part for part in (told.feedback_word, WHAT_TO_DO[told.feedback]) if part)
    return f"{more} more than usual: {used} {on}{lasts} ({known})."


def _amount(told: ToldAnomaly, value: Decimal) -> str:
    return f"{count(int(value))} tokens" if told.metric == TOKENS else money(value, told.currency)
