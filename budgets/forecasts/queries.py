"""What was forecast last: for the chart of a budget, and for the order in which budgets run out."""

from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import DateField, DecimalField, F, Func, OuterRef, Subquery, Value
from django.db.models.functions import JSONObject

from budgets.forecasts.engine.running_out import Expected, Outlook, outlook_of
from budgets.forecasts.engine.words import sentences
from budgets.forecasts.models import Forecast
from budgets.ledger.engine.burn_chart import Ahead
from budgets.ledger.queries import BudgetFacts
from budgets.plans.engine.periods import Period
from budgets.plans.models import Budget, BudgetQuerySet
from governance.calendar.engine import DAY, day_of

FORECASTS_HEARTBEAT = "budgets.forecasts"
# Of one budget on one day, both written in front: the account of its period and what was spent from it and below. An
# account of a budget is of no other kind; said too, PostgreSQL reads all accounts of the day for each budget.
OF_PERIOD = """
    WITH RECURSIVE asked (budget_id, day) AS (SELECT %(expressions)s),
    account AS (
        SELECT account.*, asked.day FROM budgets_account account JOIN asked ON account.budget_id = asked.budget_id
        WHERE account.period_start <= asked.day AND account.period_end > asked.day
    ),
    below (id, spent) AS (
        SELECT id, spent FROM account
        UNION ALL
        SELECT child.id, child.spent FROM below JOIN budgets_account child ON child.parent_id = below.id
    )
"""
IN_LEDGER = "(CASE account.unit WHEN 'gpu_hours' THEN 3600 ELSE 1 END)"


class RunsOutOn(Func):
    """The day on which a budget is spent in 50 of 100 cases, as `outlook_of` says it, for the order of a list."""

    output_field = DateField()
    template = f"""({OF_PERIOD}
        SELECT CASE WHEN (SELECT sum(spent) FROM below) >= account.funded THEN account.day ELSE (
            SELECT greatest(account.day, forecast.made_on + step.number::int - 1)
            FROM (
                SELECT made_on, path FROM budgets_forecast
                WHERE scope_id = account.scope_id AND unit = account.unit AND starts_on = account.period_start
                    AND ends_on = account.period_end AND made_on >= account.day - 1 AND made_on <= account.day
                ORDER BY made_on DESC LIMIT 1
            ) AS forecast
            CROSS JOIN jsonb_array_elements(forecast.path) WITH ORDINALITY AS step (bounds, number)
            WHERE (step.bounds->>1)::numeric * {IN_LEDGER} >= account.funded
            ORDER BY step.number LIMIT 1
        ) END FROM account
    )"""  # noqa: S608  # our own text


class ProRata(Func):
    """What was used as a share of an even pace, as `outlook_of` says it, for the order of a list."""

    output_field = DecimalField(max_digits=30, decimal_places=9)
    template = f"""({OF_PERIOD}
        SELECT (SELECT sum(spent) FROM below) * (account.period_end - account.period_start)
            / nullif(account.funded, 0) / (account.day - account.period_start + 1)
        FROM account
    )"""  # noqa: S608  # our own text


def forecast_of_period(*, scope_id: int, unit: str, period: Period, day: date) -> Forecast | None:
    """The latest of the period that was made on `day` or the day before; older ones say too little of what is left."""
    rows = Forecast.objects.filter(
        scope_id=scope_id, unit=unit, starts_on=period.start, ends_on=period.end, made_on__gte=day - DAY
    )
    return rows.order_by("-made_on").first()


def forecasts_of_periods(budgets: Iterable[Budget], *, day: date) -> dict[int, Forecast]:
    """By budget id that of its period on the day, made then or the day before; of some there may be none, or only the
    reason why. One query.
    """
    periods = [(budget, period) for budget in budgets if (period := budget.period_on(day)) is not None]
    made = forecasts_by_scope([(budget.scope_id, budget.unit) for budget, _period in periods], day=day)
    found = ((budget.pk, of_period(made[budget.scope_id, budget.unit], period)) for budget, period in periods)
    return {budget_id: row for budget_id, row in found if row is not None}


def forecasts_by_scope(wanted: Collection[tuple[int, str]], *, day: date) -> dict[tuple[int, str], list[Forecast]]:
    """Of scopes and units, by their ids, those of spans that the day is in, made then or the day before, newest first.
    One query.
    """
    rows = Forecast.objects.filter(
        scope_id__in={scope_id for scope_id, _unit in wanted}, unit__in={unit for _scope_id, unit in wanted},
        starts_on__lte=day, ends_on__gt=day, made_on__gte=day - DAY, made_on__lte=day,
    )  # fmt: skip
    found: dict[tuple[int, str], list[Forecast]] = {key: [] for key in wanted}
    for row in rows.order_by("-made_on"):
        if (row.scope_id, row.unit) in found:
            found[row.scope_id, row.unit].append(row)
    return found


def of_period(made: Iterable[Forecast], period: Period) -> Forecast | None:
    """The first that is of just this period."""
    return next((row for row in made if (row.starts_on, row.ends_on) == (period.start, period.end)), None)


def with_forecast(budgets: BudgetQuerySet, *, day: date) -> BudgetQuerySet:
    """The budgets, each with `forecast_shown`: what `outlook_on` reads of the forecast of the span that the day is in,
    made then or the day before; None without one.
    """
    made = Forecast.objects.filter(
        scope=OuterRef("scope"), unit=OuterRef("unit"), starts_on__lte=F("made_on"), ends_on__gt=day,
        made_on__gte=day - DAY, made_on__lte=day,
    )  # fmt: skip
    shown = JSONObject(starts_on="starts_on", ends_on="ends_on", made_on="made_on", path="path", reason="reason")
    return budgets.annotate(forecast_shown=Subquery(made.order_by("-made_on").values(shown=shown)[:1]))


def outlook_on(day: date, budget: Budget, facts: BudgetFacts) -> Outlook:
    """Of a row of `with_forecast` in the period of its facts. Without a query."""
    period = Period(day_of(facts.period_start), day_of(facts.period_end))
    shown: dict[str, Any] | None = budget.forecast_shown  # type: ignore[attr-defined]  # by `with_forecast`
    is_of_period = shown is not None and (shown["starts_on"], shown["ends_on"]) == (str(period.start), str(period.end))
    return outlook_of(
        amount=facts.amount, used=facts.used, today=day, period=period,
        expected=_expected(shown) if shown is not None and is_of_period else None,
    )  # fmt: skip


def _expected(shown: dict[str, Any]) -> Expected:
    path = [[Decimal(bound) for bound in bounds] for bounds in shown["path"]]
    return Expected(date.fromisoformat(shown["made_on"]), path, shown["reason"])


def outlook_of_forecast(forecast: Forecast | None, facts: BudgetFacts, *, day: date) -> Outlook:
    """Of a budget in the period of its facts, for which the forecast was made."""
    expected = None
    if forecast is not None:
        path = [[Decimal(bound) for bound in bounds] for bounds in forecast.path]
        expected = Expected(forecast.made_on, path, forecast.reason)
    period = Period(day_of(facts.period_start), day_of(facts.period_end))
    return outlook_of(amount=facts.amount, used=facts.used, period=period, today=day, expected=expected)


def told(forecast: Forecast | None, facts: BudgetFacts, outlook: Outlook) -> str:
    """What is expected of the period against the amount there is now, and the day it was worked out; or why nothing
    is.
    """
    if forecast is None or forecast.low is None or forecast.mid is None or forecast.high is None:
        return outlook.reason
    words = sentences(
        Period(forecast.starts_on, forecast.ends_on), (forecast.low, forecast.mid, forecast.high),
        unit=forecast.unit, currency=forecast.currency, budgeted=facts.amount, exhausted=outlook.exhausted,
        weights=forecast.weights,
    )  # fmt: skip
    return f"{words} Worked out on {forecast.made_on}."


def runs_out_on(day: date) -> RunsOutOn:
    """For the rows of budgets."""
    return RunsOutOn(F("pk"), Value(day, output_field=DateField()))


def pro_rata_on(day: date) -> ProRata:
    """For the rows of budgets; null on a day of no period, and where nothing is allocated."""
    return ProRata(F("pk"), Value(day, output_field=DateField()))


def days_ahead(forecast: Forecast) -> list[Ahead]:
    """The running total after each day that was forecast."""
    return [
        Ahead(forecast.made_on + DAY * number, *(Decimal(bound) for bound in bounds))
        for number, bounds in enumerate(forecast.path)
    ]
