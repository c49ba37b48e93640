"""Reasons for people: the expression with each value beside its name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from governance.charts.engine.numbers import exact_quantity, money, percent
from governance.documents.engine.cel import Failure, Value
from governance.documents.engine.tokens import Words
from policies.guardrails.documents import format_duration
from policies.guardrails.engine.facts import unit_of
from policies.guardrails.engine.types import FactKey, FactValue

_EXACT_BELOW = 1e15
_CENTS_FROM = 10_000
_MARKS = {">=": "≥", "<=": "≤", "!=": "≠", "==": "=", "&&": "and", "||": "or"}


def number(value: Value | Decimal | None) -> str:
    """Six significant digits, without an exponent below 10^15; ``missing`` for None."""
    match value:
        case None | bool():
            return {None: "missing", True: "true", False: "false"}[value]
        case str():
            return f'"{value}"'
        case Decimal():
            # Decimal keeps trailing zeros even with "g", and an exponent for what is small.
            return f"{value:.2f}" if abs(value) >= 1 or not value else f"{Decimal(f'{value:.6g}').normalize():f}"
        case int() | float():
            return _measured(value)


def fact(key: FactKey, value: FactValue | None, currency: str) -> str:
    """The value as every page writes it: money with its currency, a share of a budget in percent with what it is made
    of: ``110.0 % (110.00 EUR of 100.00 EUR)``. ``currency`` is "" where none is known.
    """
    if value is None:
        return "missing"
    exact = value.exact if value.exact is not None else value.value
    if value.share is not None:
        part, whole = value.share
        return f"{_share(part, whole, exact)} ({_amount(part, key, currency)} of {_amount(whole, key, currency)})"
    if unit_of(key) == "money" and isinstance(exact, Decimal | int | float) and math.isfinite(exact):
        return money(_decimal(exact), currency)
    return number(exact)


def _share(part: Decimal, whole: Decimal, ratio: Value | Decimal | None) -> str:
    """Of nothing, nothing is all of it, and anything more than that."""
    if whole:
        return percent(_decimal(ratio) if isinstance(ratio, Decimal | int | float) else None)
    return "over 100 %" if part > 0 else "100.0 %"


def _amount(amount: Decimal, key: FactKey, currency: str) -> str:
    return money(amount, currency) if key.unit == "money" else f"{exact_quantity(amount)} {key.unit.replace('_', ' ')}"


def _decimal(value: Decimal | float) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _measured(value: float) -> str:
    if not math.isfinite(value):
        return "not a finite number"
    if value == int(value) and abs(value) < _EXACT_BELOW:
        return str(int(value))
    return f"{value:.2f}" if abs(value) >= _CENTS_FROM else f"{value:.6g}"


def with_values(words: Words, values: Mapping[str, str]) -> str:
    """``used >= params.stop_at`` → ``used 0.93 ≥ params.stop_at 0.9``."""
    text = "".join([f"{name} {values[name]}" if name in values else written for written, name in _parts(words)])
    return " ".join(text.split())


@lru_cache(maxsize=4096)
def _parts(words: Words) -> tuple[tuple[str, str], ...]:
    """The text in its order, marks as people write them; each part with the name that it is, "" for all else."""
    tokens = words.tokens
    marks = [(token.start, token.end, _MARKS[token.text], "") for token in tokens if token.text in _MARKS]
    spans = [(tokens[name.first].start, tokens[name.last].end, name.text) for name in words.names]
    parts: list[tuple[str, str]] = []
    at = 0
    for start, end, written, name in sorted(
        (*marks, *((start, end, words.text[start:end], name) for start, end, name in spans))
    ):
        parts += [(words.text[at:start], ""), (written, name)]
        at = end
    return (*parts, (words.text[at:], ""))


def value_or_failure(value: Value | Failure) -> str:
    """The number as read by people, or the sentence that says why there is none."""
    return value.message if isinstance(value, Failure) else number(value)


def lasting(length: timedelta) -> str:
    """The length as a duration; ``0s`` for less than nothing."""
    return format_duration(max(length, timedelta(0)))
