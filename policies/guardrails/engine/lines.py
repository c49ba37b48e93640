"""Where guardrails draw lines on budgets, as far as the numbers that they name tell.

Nobody solves their expressions: a number may be a share, a per cent or an amount, used or left, and each reading is a
line. A line too many is an evaluation too many; one that is missing (a share of the month, another fact) is evaluated
with the next fold of usage, about a second later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from budgets.ledger.engine.lines import Line
from budgets.plans.engine.amounts import ledger_quantity
from policies.guardrails.engine.evaluation import CompiledPolicy
from policies.guardrails.engine.facts import CATALOGUE

LINES_MAX = 100
ALL_OF_IT = Decimal(1)
PER_CENT = Decimal(100)
_SHARES_MAX, _AMOUNTS_MAX = Decimal(10), Decimal(10) ** 15
_SHARE_PLACES, _AMOUNT_PLACES = Decimal("1E-15"), Decimal("1E-9")
_AMOUNTS = frozenset({"budget.used", "budget.remaining"})


def lines_of(policies: Iterable[CompiledPolicy]) -> frozenset[Line]:
    """The lines of all of them, and the end of each budget they read; none where they are too many to be watched."""
    lines = frozenset(line for policy in policies for line in _lines(policy))
    return lines if len(lines) <= LINES_MAX else frozenset()


def _lines(policy: CompiledPolicy) -> Iterator[Line]:
    read = {(key.fact, key.unit) for key in policy.fact_keys if CATALOGUE[key.fact].is_budget}
    for unit in {unit for _fact, unit in read}:
        yield Line(unit, ALL_OF_IT)
    for number in set(_numbers(policy)):
        for fact, unit in read:
            yield from _shares(unit, number)
            if fact in _AMOUNTS and number <= _AMOUNTS_MAX:
                amount = ledger_quantity(unit, number).quantize(_AMOUNT_PLACES)
                yield from (Line(unit, Decimal(0), amount), Line(unit, ALL_OF_IT, -amount))


def _shares(unit: str, number: Decimal) -> Iterator[Line]:
    """Of the budget: used, or left."""
    share = number if number <= _SHARES_MAX else number / PER_CENT
    if share <= _SHARES_MAX:
        used = share.quantize(_SHARE_PLACES)
        yield Line(unit, used)
        if used < ALL_OF_IT:
            yield Line(unit, ALL_OF_IT - used)


def _numbers(policy: CompiledPolicy) -> Iterator[Decimal]:
    """Those above zero that the guardrail's expressions and parameters name."""
    written = [words for words, _program in (*policy.variables.values(), *policy.conditions.values())]
    written += [words for step in policy.steps for words in (step.words, step.release_words) if words is not None]
    for words in written:
        for token in words.tokens:
            if token.kind == "float":
                yield from _above_zero(Decimal(token.text))
            elif token.kind == "int":
                yield from _above_zero(Decimal(int(token.text.rstrip("uU"), 0 if "x" in token.text.lower() else 10)))
    for value in policy.params.values():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield from _above_zero(Decimal(str(value)))


def _above_zero(number: Decimal) -> Iterator[Decimal]:
    if number.is_finite() and number > 0:
        yield number
