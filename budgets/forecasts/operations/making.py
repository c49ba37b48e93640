"""Forecasts of the rest of each budget's period and of three months, kept with how they would have done so far."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isnan

import numpy as np
from django.db import transaction

from budgets.forecasts.engine.filters import FloatArray
from budgets.forecasts.engine.forecasting import Forecasted, History, Range, Read, forecast, forecast_with_paths, read
from budgets.forecasts.engine.rolling import HISTORY_MIN
from budgets.forecasts.engine.running_out import Exhaustion
from budgets.forecasts.engine.spans import exhaustion, months_ahead, window_of
from budgets.forecasts.engine.words import NO_FORECAST, sentences
from budgets.forecasts.models import Forecast
from budgets.forecasts.operations.use import DailyUse, daily_use
from budgets.forecasts.queries import FORECASTS_HEARTBEAT
from budgets.ledger.queries import budget_facts
from budgets.plans.engine.amounts import NANO, UNITS
from budgets.plans.engine.periods import Period, period_of
from budgets.plans.models import Budget
from governance.calendar.engine import DAY, day_of
from governance.scopes.queries import ScopeTree, scope_tree
from governance.work.operations import each_apart, tell_faults

NOT_MADE = "forecasts of %s could not be made"
HISTORY_DAYS, SCOPES_AT_ONCE = 400, 500
# Of scopes that used nothing for so long no forecast is made.
IDLE_DAYS = 60
KEPT_FOR = timedelta(days=400)
SHARE_PART = Decimal("0.0001")
SHARE_MAX = 10_000
Progress = Callable[[str, int], object]


def make_forecasts(
    *,
    at: datetime,
    scope_ids: Iterable[int] | None = None,
    progress: Progress = lambda _organisation, _scopes: None,
) -> int:
    """Of every scope that was used of late (or of `scope_ids`), in money and in the units of budgets in force; how many
    rows were kept. Made again on the same day they replace those of that day. A fault in one organisation stops no
    other.
    """
    tree = scope_tree()
    wanted = None if scope_ids is None else set(scope_ids)

    def make(root_id: int) -> int:
        scopes = [each for each in tree.descendants(root_id) if wanted is None or each in wanted]
        count = sum(
            _make(tree, scopes[start : start + SCOPES_AT_ONCE], unit, at)
            for unit in UNITS
            for start in range(0, len(scopes), SCOPES_AT_ONCE)
        )
        progress(tree.by_id[root_id].path, len(scopes))
        return count

    made = each_apart(tree.roots, make, named=lambda root_id: tree.by_id[root_id].path)
    tell_faults(FORECASTS_HEARTBEAT, made.faults, at=at, sentence=NOT_MADE, beats=wanted is None)
    if wanted is None:
        Forecast.objects.filter(made_on__lt=day_of(at - KEPT_FOR)).delete()
    return sum(made.results)


@dataclass(frozen=True, slots=True)
class _Run:
    """Scopes in one unit, with what is known of them before today."""

    tree: ScopeTree
    unit: str
    at: datetime
    today: date
    scopes: Sequence[int]
    budgets: dict[int, tuple[Period, Decimal]]
    use: DailyUse
    known: Read

    def booked(self, place: int, span: Period) -> float:
        """What was used in the span before today."""
        days = (self.today - span.start).days
        return float(self.use.used[-days - 1 : -1, place].sum()) if days > 0 else 0.0

    @property
    def used_today(self) -> FloatArray:
        today: FloatArray = self.use.used[-1]
        return today


def _make(tree: ScopeTree, scopes: Sequence[int], unit: str, at: datetime) -> int:
    today = day_of(at)
    budgets = _budgets(scopes, unit, at)
    if unit != Budget.Unit.MONEY:
        scopes = [each for each in scopes if each in budgets]
    if not scopes:
        return 0
    # The last day is today, of which only what is booked counts.
    use = daily_use(tree, scopes, unit=unit, since=today - DAY * HISTORY_DAYS, until=today + DAY)
    used_lately = np.asarray(use.used[-IDLE_DAYS:].sum(axis=0) > 0)
    kept = [place for place, each in enumerate(scopes) if used_lately[place] or each in budgets]
    if not kept:
        return 0
    use = DailyUse(use.used[:, kept], use.tokens[:, kept], use.tasks[:, kept])
    chosen = [scopes[place] for place in kept]
    parents = [tree.by_id[each].parent_id or 0 for each in chosen]
    history = History(use.used[:-1], _drivers(use), np.array(parents))
    run = _Run(tree, unit, at, today, chosen, budgets, use, read(history))
    rows = [*_of_periods(run), *_of_months(run)]
    _keep(rows)
    return len(rows)


def _drivers(use: DailyUse) -> tuple[FloatArray, ...]:
    return use.tokens[:-1], use.tasks[:-1]


def _budgets(scopes: Sequence[int], unit: str, at: datetime) -> dict[int, tuple[Period, Decimal]]:
    facts = budget_facts(scope_ids=scopes, unit=unit, at=at)
    return {
        scope_id: (Period(day_of(each.period_start), day_of(each.period_end)), each.amount)
        for scope_id, each in facts.items()
    }


def _of_periods(run: _Run) -> list[Forecast]:
    """The rest of each scope's budget period, of a month where it has no budget. Scopes of one period are forecast at
    once.
    """
    month = period_of("month", run.today)
    by_period: dict[Period, list[int]] = {}
    for place, scope_id in enumerate(run.scopes):
        period, _amount = run.budgets.get(scope_id, (month, None))
        by_period.setdefault(period, []).append(place)
    rows = []
    for period, places in sorted(by_period.items()):
        window = window_of(period, run.today)
        found = forecast_with_paths(run.known, window.end)
        rows += [_row(run, place, period, *found[place]) for place in places]
    return rows


def _of_months(run: _Run) -> list[Forecast]:
    return [
        _row(run, place, month, total, None)
        for month in months_ahead(run.today)
        for place, total in enumerate(forecast(run.known, window_of(month, run.today)))
    ]


def _row(run: _Run, place: int, span: Period, found: Forecasted | None, path: Sequence[Range] | None) -> Forecast:
    scope_id = run.scopes[place]
    currency = run.tree.by_id[scope_id].currency if run.unit == Budget.Unit.MONEY else ""
    period, amount = run.budgets.get(scope_id, (None, None))
    booked = run.booked(place, span)
    row = Forecast(
        scope_id=scope_id, unit=run.unit, currency=currency, made_on=run.today, made_at=run.at,
        starts_on=span.start, ends_on=span.end, booked=_amount(booked),
        budgeted=amount if period == span else None,
    )  # fmt: skip
    if found is None:
        days = int((run.use.used[:-1, place] > 0).sum())
        row.reason = NO_FORECAST.format(days=days, needed=HISTORY_MIN)
        return row
    floor = float(run.used_today[place]) if path is not None else 0.0
    total = _no_less(found.total, floor).plus(booked)
    low, mid, high = (_amount(each) for each in (total.low, total.mid, total.high))
    exhausted = Exhaustion()
    if path is not None:
        path = [_no_less(each, floor) for each in path]
        row.path = [[str(_amount(value + booked)) for value in (each.low, each.mid, each.high)] for each in path]
        if row.budgeted is not None:
            exhausted = exhaustion(path, booked=booked, budgeted=float(row.budgeted), today=run.today)
    row.low, row.mid, row.high = low, mid, high
    row.exhausted_early, row.exhausted_mid, row.exhausted_late = exhausted.early, exhausted.mid, exhausted.late
    row.weights = {name: round(weight, 4) for name, weight in found.weights.items()}
    row.words = sentences(
        span, (low, mid, high), unit=run.unit, currency=currency, budgeted=row.budgeted, exhausted=exhausted,
        weights=found.weights,
    )  # fmt: skip
    tested = found.backtest
    row.own_errors, row.looked_back = int(found.errors), tested.origins
    row.wape, row.naive_wape = _share(tested.wape), _share(tested.naive_wape)
    row.crps_ratio, row.coverage = _share(tested.crps_ratio), _share(tested.coverage)
    return row


def _no_less(bounds: Range, floor: float) -> Range:
    return Range(max(bounds.low, floor), max(bounds.mid, floor), max(bounds.high, floor))


def _amount(value: float) -> Decimal:
    """To a millionth: an estimate says nothing of what is finer."""
    return Decimal(repr(round(value, 6))).quantize(NANO)


def _share(value: float) -> Decimal | None:
    return None if isnan(value) else Decimal(repr(min(value, SHARE_MAX))).quantize(SHARE_PART)


@transaction.atomic
def _keep(rows: Sequence[Forecast]) -> None:
    """In place of those of the same day."""
    scopes = {row.scope_id for row in rows}
    for made_on, unit in {(row.made_on, row.unit) for row in rows}:
        Forecast.objects.filter(made_on=made_on, unit=unit, scope_id__in=scopes).delete()
    Forecast.objects.bulk_create(rows, batch_size=500)
