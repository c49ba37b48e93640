"""The facts that guardrails read, loaded for many scopes in a handful of queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from allocation.quarantine.queries import Quarantined, quarantined_by_scope
from allocation.usage.queries import UsageTotals, data_ages, windows_totals
from budgets.forecasts.engine.running_out import Outlook
from budgets.forecasts.models import Forecast
from budgets.forecasts.queries import forecasts_by_scope, of_period, outlook_of_forecast
from budgets.ledger.queries import BudgetFacts, budget_facts
from budgets.plans.engine.periods import Period
from governance.calendar.engine import day_of, midnight
from governance.scopes.queries import ScopeTree
from policies.evaluation.queries.periods import EvaluationPeriod, calendar_month, period_of_budget
from policies.guardrails.engine.facts import CATALOGUE, EMPTY_BUDGET_RATIO, LASTS_S, WINDOWS
from policies.guardrails.engine.types import FactKey, FactValue

PERIOD_TO_DATE = "period_to_date"
QUARANTINE, FORECAST = "quarantine.", "forecast."
# A sender's clock may run ahead: usage dated up to this far ahead of ours counts at once.
CLOCK_AHEAD_MAX = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LoadedFacts:
    """Facts by scope id, budget facts by unit and scope id, and the calendar month of ``at``."""

    at: datetime
    values: Mapping[int, Mapping[FactKey, FactValue]]
    budgets: Mapping[str, Mapping[int, BudgetFacts]]
    month: EvaluationPeriod

    def period(
        self, scope_id: int, keys: Iterable[FactKey], before: EvaluationPeriod | None = None
    ) -> EvaluationPeriod:
        """The period of a guardrail on a scope: that of the budget it reads, else of the money budget, else the month.

        When a budget is ended, its period (``before``) still runs to its end, and the limits in it stay.
        """
        units = {key.unit for key in keys if key.unit}
        for unit in (*sorted(units), "money"):
            budget = self.budgets.get(unit, {}).get(scope_id)
            if budget is not None:
                return period_of_budget(budget)
        return before if before is not None and before.start <= self.at < before.end else self.month


def load_facts(*, keys_of: Mapping[int, Collection[FactKey]], tree: ScopeTree, at: datetime) -> LoadedFacts:
    """The values of the fact keys that are read of each scope, by scope id, at ``at``; each with its age in seconds."""
    scope_ids = list(keys_of)
    keys = {key for read in dict.fromkeys(map(frozenset, keys_of.values())) for key in read}
    units = {key.unit for key in keys if key.unit} | {"money"}
    budgets = {unit: budget_facts(scope_ids=scope_ids, unit=unit, at=at) for unit in sorted(units)}
    month = calendar_month(at)
    loaded = LoadedFacts(at=at, values={}, budgets=budgets, month=month)
    periods = {scope_id: loaded.period(scope_id, ()) for scope_id in scope_ids}
    windowed = [scope_id for scope_id, read in keys_of.items() if any(key.window for key in read)]
    totals = _totals(keys, {periods[scope_id] for scope_id in windowed}, windowed, tree, at)
    ages = data_ages(at, tree)
    quarantined = quarantined_by_scope(tree) if any(key.fact.startswith(QUARANTINE) for key in keys) else {}
    ahead = _forecasts(keys_of, at) if any(key.fact.startswith(FORECAST) for key in keys) else {}
    values: dict[int, dict[FactKey, FactValue]] = {}
    for scope_id in scope_ids:
        age = ages.get(tree.ancestors(scope_id)[-1])
        values[scope_id] = {
            key: _quarantine_value(key.fact, quarantined.get(scope_id), at)
            if key.fact.startswith(QUARANTINE)
            else _forecast_value(key.fact, budgets[key.unit].get(scope_id), ahead.get((scope_id, key.unit), ()), at)
            if key.fact.startswith(FORECAST)
            else _value(key, scope_id, periods[scope_id], budgets, totals, age, at)
            for key in keys_of[scope_id]
        }
    return LoadedFacts(at=at, values=values, budgets=budgets, month=month)


def _totals(
    keys: Collection[FactKey],
    periods: Collection[EvaluationPeriod],
    scope_ids: Sequence[int],
    tree: ScopeTree,
    at: datetime,
) -> Mapping[str, Mapping[int, UsageTotals]]:
    """Usage totals by window name and scope id; a period-to-date window is named by the instant at which it begins."""
    windows: dict[str, tuple[datetime, datetime]] = {}
    for name in {key.window for key in keys if key.window}:
        length = WINDOWS[name]
        if length is not None:
            windows[name] = (at - length, at + CLOCK_AHEAD_MAX)
        else:
            windows |= {period.start.isoformat(): (period.start, at + CLOCK_AHEAD_MAX) for period in periods}
    if not windows:
        return {}
    return windows_totals(windows=windows, at=at + CLOCK_AHEAD_MAX, scope_ids=scope_ids, tree=tree)


def _value(
    key: FactKey,
    scope_id: int,
    period: EvaluationPeriod,
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
    usage = totals[window].get(scope_id)
    exact = Decimal(getattr(usage, key.fact)) if usage is not None else Decimal(0)
    return FactValue(float(exact), as_of, age, exact)


def _quarantine_value(fact: str, waiting: Quarantined | None, at: datetime) -> FactValue:
    """Current, whatever the age of the usage feed."""
    exact = Decimal(getattr(waiting or Quarantined(), fact.removeprefix(QUARANTINE)))
    return FactValue(float(exact), at, 0.0, exact)


def _forecasts(
    keys_of: Mapping[int, Collection[FactKey]], at: datetime
) -> Mapping[tuple[int, str], Sequence[Forecast]]:
    """By scope id and unit, of the scopes of which forecasts are read."""
    units_of = {
        scope_id: {key.unit for key in read if key.fact.startswith(FORECAST)} for scope_id, read in keys_of.items()
    }
    wanted = [(scope_id, unit) for scope_id, units in units_of.items() for unit in units]
    return forecasts_by_scope(wanted, day=day_of(at))


def _forecast_value(fact: str, facts: BudgetFacts | None, made: Sequence[Forecast], at: datetime) -> FactValue:
    """Of the budget's period, as old as the forecast; missing where there is none, or the history says too little."""
    if facts is None:
        return FactValue(None, at, absent=True)
    row = of_period(made, Period(day_of(facts.period_start), day_of(facts.period_end)))
    if row is None or row.low is None or row.mid is None or row.high is None:
        return FactValue(None, at)
    if fact == "forecast.exhausted_in":
        exact = _exhausted_in(outlook_of_forecast(row, facts, day=day_of(at)), at)
    else:
        bounds = {"low": row.low, "mid": row.mid, "high": row.high}
        exact = max(bounds[fact.removeprefix("forecast.period_end.")], facts.used)
    return FactValue(float(exact), row.made_at, max((at - row.made_at).total_seconds(), 0.0), exact)


def _exhausted_in(outlook: Outlook, at: datetime) -> Decimal:
    if outlook.is_spent:
        return Decimal(0)
    if outlook.exhausted.mid is None:
        return Decimal(LASTS_S)
    # It may be today's day, of which nobody knows the hour; at nothing it would be spent already.
    return Decimal(max((midnight(outlook.exhausted.mid) - at) // timedelta(seconds=1), 1))


def _budget_value(name: str, facts: BudgetFacts | None, age: float | None, at: datetime) -> FactValue:
    """A budget's amount is current; its use is as old as the usage feed."""
    if facts is None:
        return FactValue(None, at, absent=True)
    exact: Decimal | None = getattr(facts, name)
    if exact is None:
        exact = EMPTY_BUDGET_RATIO if facts.used else Decimal(1)
    follows_usage = age is not None and name in {"used", "remaining", "used_ratio"}
    seconds = age if follows_usage and age is not None else 0.0
    share = (facts.used, facts.amount) if name == "used_ratio" else None
    return FactValue(float(exact), at - timedelta(seconds=seconds), seconds, exact, share=share)
