"""Divisions by what may be zero: by a budget with nothing in it they have a value, by anything else they fail."""

from __future__ import annotations

from governance.documents.engine import cel
from governance.documents.engine.cel import ExpressionError
from governance.documents.engine.tokens import Words
from policies.guardrails.engine.context import ALLOWANCES, BUDGET_FACTS, USED_UP
from policies.guardrails.engine.facts import EMPTY_BUDGET_RATIO


def guarded(bound: str) -> str:
    """Divisors guarded; ExpressionError when that makes the text too long."""
    text = cel.guard_divisions(bound, _share_of_nothing)
    if len(text) > cel.MAX_LENGTH:
        raise ExpressionError(f"with its divisions guarded it is longer than {cel.MAX_LENGTH:,} characters")
    return text


def _share_of_nothing(dividend: str, divisor: str) -> str:
    """What a share of a budget is when the budget has nothing in it: it is used up, and far beyond once anything is
    used. Any other division by zero fails.
    """
    read = {name.text for name in Words(divisor).names if not name.is_call}
    if not read <= BUDGET_FACTS or read.isdisjoint(ALLOWANCES):
        return cel.ZERO_DIVISOR
    beyond, whole, part = repr(float(EMPTY_BUDGET_RATIO)), _used_up(divisor), _used_up(dividend)
    used_up = f"(({whole}) == 0.0 ? 1.0 : ({part}) / ({whole}))"
    return f"(({dividend}) > 0.0 ? {beyond} : ({dividend}) < 0.0 ? -{beyond} : {used_up})"


def _used_up(text: str) -> str:
    """The text for a budget of one of which one is used."""
    for name in reversed(Words(text).names):
        value = USED_UP.get(name.text)
        if value is not None:
            tokens = Words(text).tokens
            text = text[: tokens[name.first].start] + value + text[tokens[name.last].end :]
    return text
