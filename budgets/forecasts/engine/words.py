"""A forecast in sentences: the amount first, then what it rests on, then what to do."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from budgets.forecasts.engine.running_out import Exhaustion
from budgets.plans.engine.amounts import rounded
from budgets.plans.engine.periods import Period

NAMED_FROM, NAMED_MAX = 0.2, 2
NO_FORECAST = "Not enough history: {days} of {needed} days with use are known."
MODELS = {
    "last_week": "the last week repeated",
    "fast_level": "the level of the last days",
    "slow_level": "the level of the last weeks",
    "long_mean": "the mean of months",
    "damped_trend": "a trend that fades",
    "growth": "the growth of the last four weeks",
    "intermittent": "how often it is used, and how much then",
    "tokens_fast": "the tokens of the last days at their latest price",
    "tokens_slow": "the tokens of the last weeks at their latest price",
    "tokens_trend": "a trend of tokens that fades, at their latest price",
    "tokens_growth": "the growth of tokens over four weeks, at their latest price",
    "tasks_slow": "the tasks of the last weeks at the latest cost of one",
}


def sentences(
    span: Period,
    total: tuple[Decimal, Decimal, Decimal],
    *,
    unit: str,
    currency: str,
    budgeted: Decimal | None,
    exhausted: Exhaustion,
    weights: Mapping[str, float],
) -> str:
    """Of one forecast."""

    def spoken(amount: Decimal) -> str:
        return rounded(unit, amount, currency)

    low, mid, high = total
    parts = [f"{spoken(mid)} expected by {span.last_day}, {spoken(low)} to {spoken(high)} in 80 of 100 cases."]
    if budgeted is not None:
        parts.append(_against(mid, budgeted, exhausted, spoken(abs(mid - budgeted))))
    parts.append(f"It rests on {_models(weights)}.")
    return " ".join(parts)


def _against(mid: Decimal, budgeted: Decimal, exhausted: Exhaustion, difference: str) -> str:
    if exhausted.mid is None and exhausted.early is None:
        return f"That is {difference} below the budget, which lasts in more than 90 of 100 cases."
    if exhausted.mid is None:
        return f"That is {difference} below the budget, which is spent by {exhausted.early} in 10 of 100 cases."
    return (
        f"That is {difference} {'above' if mid >= budgeted else 'below'} the budget, which is spent on"
        f" {_between(exhausted)}: ask for more, or use less."
    )


def _between(exhausted: Exhaustion) -> str:
    late = "the end of the period or later" if exhausted.late is None else str(exhausted.late)
    bounds = {date.isoformat(exhausted.early)} if exhausted.early else set()
    return f"{exhausted.mid} (from {min(bounds, default='now')} to {late})"


def _models(weights: Mapping[str, float]) -> str:
    # Of models of equal weight always the same are named, however the weights were kept: rounded to four places.
    by_weight = sorted(weights.items(), key=lambda item: (-round(item[1], 4), item[0]))
    chosen = [(name, weight) for name, weight in by_weight if weight >= NAMED_FROM][:NAMED_MAX]
    if not chosen:
        return "several models of nearly equal weight"
    return " and ".join(f"{MODELS[name]} ({weight:.0%})" for name, weight in chosen)
