"""What guardrails read, loaded for many scopes at once: a handful of queries however many scopes there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from allocation.usage.queries import UsageTotals, data_ages, windows_totals
from budgets.ledger.queries import BudgetFacts, budget_facts
from governance.scopes.queries import ScopeTree
from policies.evaluation.queries.periods import Period, calendar_month, period_of_budget
from policies.guardrails.engine.facts import CATALOGUE, WINDOWS
from policies.guardrails.engine.types import FactKey, FactValue

PERIOD_TO_DATE = "period_to_date"
# A sender's clock may run ahead: what it dates up to this far ahead of ours counts at once.
AHEAD = timedelta(minutes=1)
# The used ratio of a budget with no money left in it (given back, or never funded by the one above): used up as it
# stands, and beyond every threshold once anything is used. Without a number nothing would ever be held back.
OVER_NOTHING = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class LoadedFacts:
    at: datetime
    values: Mapping[int, Mapping[FactKey, FactValue]]
    budgets: Mapping[str, Mapping[int, BudgetFacts]]
    month: Period

    def period(self, scope_id: int, keys: Iterable[FactKey], before: Period | None = None) -> Period:
        """Of a guardrail on a scope: that of the budget it reads, else of the money budget, else the month.

        A budget that was ended leaves ``before``, the period so far, to run out: its limits are not lifted by that.
        """
        units = {key.unit for key in keys if key.unit}
        for unit in (*sorted(units), "money"):
            found = self.budgets.get(unit, {}).get(scope_id)
            if found is not None:
                return period_of_budget(found)
        return before if before is not None and before.start <= self.at < before.end else self.month


def load_facts(*, scope_ids: Collection[int], keys: Collection[FactKey], tree: ScopeTree, at: datetime) -> LoadedFacts:
    units = {key.unit for key in keys if key.unit} | {"money"}
    budgets = {unit: budget_facts(scope_ids=list(scope_ids), unit=unit, at=at) for unit in sorted(units)}
    month = calendar_month(at)
    loaded = LoadedFacts(at=at, values={}, budgets=budgets, month=month)
    periods = {scope_id: loaded.period(scope_id, ()) for scope_id in scope_ids}
    totals = _totals(keys, set(periods.values()), at)
    ages = data_ages(at)
    values: dict[int, dict[FactKey, FactValue]] = {}
    for scope_id in scope_ids:
        age = ages.get(tree.ancestors(scope_id)[-1])
        values[scope_id] = {key: _value(key, scope_id, periods[scope_id], budgets, totals, age, at) for key in keys}
    return LoadedFacts(at=at, values=values, budgets=budgets, month=month)


def _totals(
    keys: Collection[FactKey], periods: Collection[Period], at: datetime
) -> Mapping[str, Mapping[int, UsageTotals]]:
    """Totals by window name; period-to-date windows are named after the instant they begin at."""
    windows: dict[str, tuple[datetime, datetime]] = {}
    for name in {key.window for key in keys if key.window}:
        length = WINDOWS[name]
        if length is not None:
            windows[name] = (at - length, at + AHEAD)
        else:
            windows |= {period.start.isoformat(): (period.start, at + AHEAD) for period in periods}
    return windows_totals(windows=windows, at=at + AHEAD) if windows else {}


def _value(
    key: FactKey,
    scope_id: int,
    period: Period,
    budgets: Mapping[str, Mapping[int, BudgetFacts]],
    totals: Mapping[str, Mapping[int, UsageTotals]],
    age: float | None,
    at: datetime,
) -> FactValue:
    if CATALOGUE[key.fact].is_budget:
        return _budget_value(key.fact.removeprefix("budget."), budgets[key.unit].get(scope_id), age, at)
    if age is None:
        return FactValue(None, at)
    as_of = at - timedelta(seconds=age)
    if key.fact == "data.age":
        return FactValue(age, as_of)
    window = key.window if key.window != PERIOD_TO_DATE else period.start.isoformat()
    found = totals[window].get(scope_id)
    exact = Decimal(getattr(found, key.fact)) if found is not None else Decimal(0)
    return FactValue(float(exact), as_of, age, exact)


def _budget_value(name: str, facts: BudgetFacts | None, age: float | None, at: datetime) -> FactValue:
    """A budget's amount is as fresh as the database; what was used of it is as old as the usage feed."""
    if facts is None:
        return FactValue(None, at, absent=True)
    exact: Decimal | None = getattr(facts, name)
    if exact is None:
        exact = OVER_NOTHING if facts.used else Decimal(1)
    follows_usage = age is not None and name in {"used", "remaining", "used_ratio"}
    seconds = age if follows_usage and age is not None else 0.0
    return FactValue(float(exact), at - timedelta(seconds=seconds), seconds, exact)
