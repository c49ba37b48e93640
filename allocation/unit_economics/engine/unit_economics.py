"""Unit costs from sums: every figure is a ratio with its numerator and denominator.

Without a denominator there is a reason instead of a value. Unpriced usage is left out of denominators, so that it does
not make the rest look cheap.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from allocation.meters.engine.activity import INFERENCE, ORCHESTRATION, OTHER, RETRIEVAL, TRAINING
from allocation.outcomes.engine import OutcomeSums
from governance.calendar.engine import DAY, days_from, month_after

Number = Decimal | int
Trend = Literal["day", "week", "month"]
PLACES = Decimal("1e-9")
ZERO = Decimal(0)
THOUSAND = Decimal(1000)
HOUR_S = Decimal(3600)
ACTIVITIES = (INFERENCE, RETRIEVAL, ORCHESTRATION, TRAINING, OTHER)
OUTCOME, ACTION = "outcome", "action"
OutcomeKind = Literal["outcome", "action"]
MeasureKey = Literal[
    "action",
    "cache_hit_ratio",
    "cost",
    "cost_share",
    "gpu_hour",
    "gpu_utilisation",
    "inference",
    "outcome",
    "successful_outcome",
    "token_multiplier",
    "tokens_per_task",
    "tokens_per_task_against_baseline",
    "unattributed_share",
    "unpriced_share",
    "1k_tokens",
]


@dataclass(frozen=True, slots=True)
class Ratio:
    """`value` is numerator / denominator to nine places; None, with the reason, where the denominator is 0."""

    numerator: Number
    denominator: Number
    value: Decimal | None
    reason: str = ""


def ratio(numerator: Number, denominator: Number, *, empty: str) -> Ratio:
    """Half to even; `empty` is the reason given where `denominator` is 0."""
    if not denominator:
        return Ratio(numerator, denominator, None, empty)
    value = (Decimal(numerator) / Decimal(denominator)).quantize(PLACES, rounding=ROUND_HALF_EVEN)
    return Ratio(numerator, denominator, value)


@dataclass(slots=True)
class UsageSums:
    """`tokens` and `token_cost` count usage with tokens and a price, `gpu_cost` usage with GPU time."""

    requests: int = 0
    errors: int = 0
    unpriced_requests: int = 0
    tokens: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    gpu_seconds: Decimal = ZERO
    cost: Decimal = ZERO
    token_cost: Decimal = ZERO
    gpu_cost: Decimal = ZERO

    @property
    def priced_requests(self) -> int:
        return self.requests - self.errors - self.unpriced_requests

    def add(self, added: "UsageSums") -> None:
        self.requests += added.requests
        self.errors += added.errors
        self.unpriced_requests += added.unpriced_requests
        self.tokens += added.tokens
        self.input_tokens += added.input_tokens
        self.cached_input_tokens += added.cached_input_tokens
        self.gpu_seconds += added.gpu_seconds
        self.cost += added.cost
        self.token_cost += added.token_cost
        self.gpu_cost += added.gpu_cost


@dataclass(slots=True)
class TaskSums:
    """Tasks that began, the tokens of their first calls, and tokens and cost of all calls of tasks."""

    tasks: int = 0
    first_call_tokens: int = 0
    tokens: int = 0
    cost: Decimal = ZERO

    def add(self, added: "TaskSums") -> None:
        self.tasks += added.tasks
        self.first_call_tokens += added.first_call_tokens
        self.tokens += added.tokens
        self.cost += added.cost


@dataclass(slots=True)
class ScopeSums:
    """Sums of a scope's whole subtree over some days: usage by activity, outcomes by (kind, name)."""

    usage: dict[str, UsageSums] = field(default_factory=dict)
    tasks: TaskSums = field(default_factory=TaskSums)
    outcomes: dict[tuple[OutcomeKind, str], OutcomeSums] = field(default_factory=dict)

    def add(self, added: "ScopeSums") -> None:
        for activity, used in added.usage.items():
            self.usage.setdefault(activity, UsageSums()).add(used)
        self.tasks.add(added.tasks)
        for key, reported in added.outcomes.items():
            self.outcomes.setdefault(key, OutcomeSums()).add(reported)

    @property
    def all_usage(self) -> UsageSums:
        total = UsageSums()
        for used in self.usage.values():
            total.add(used)
        return total


@dataclass(frozen=True, slots=True)
class Measure:
    """What a figure measures; `name` is that of an outcome, a reported action or an activity."""

    key: MeasureKey
    name: str = ""


INFERENCE_COST = Measure("inference")
TOKEN_COST = Measure("1k_tokens")
TASK_COST = Measure("action")
GPU_HOUR_COST = Measure("gpu_hour")
TOKENS_PER_TASK = Measure("tokens_per_task")
AGAINST_BASELINE = Measure("tokens_per_task_against_baseline")
TOKEN_MULTIPLIER = Measure("token_multiplier")
CACHE_HIT = Measure("cache_hit_ratio")
GPU_UTILISATION = Measure("gpu_utilisation")
UNPRICED = Measure("unpriced_share")
Figures = dict[Measure, Ratio]


def unit_costs(sums: ScopeSums) -> Figures:
    """Cost per unit. An outcome bears the whole cost of the scope: also that of attempts without one."""
    total, inference = sums.all_usage, sums.usage.get(INFERENCE, UsageSums())
    figures = {
        INFERENCE_COST: ratio(inference.cost, inference.priced_requests, empty="No priced inference."),
        TOKEN_COST: ratio(total.token_cost, total.tokens / THOUSAND, empty="No priced tokens."),
        TASK_COST: ratio(sums.tasks.cost, sums.tasks.tasks, empty="No task began."),
    }
    for (kind, name), reported in sorted(sums.outcomes.items()):
        if kind == ACTION:
            figures[Measure("action", name)] = ratio(total.cost, reported.count, empty="No such action.")
        else:
            figures |= _outcome_costs(total.cost, reported, name)
    reported = _all_outcomes(sums)
    figures |= _outcome_costs(total.cost, reported, "")
    hours = total.gpu_seconds / HOUR_S
    figures[GPU_HOUR_COST] = ratio(total.gpu_cost, _nine_places(hours), empty="No GPU was used.")
    return figures


def _outcome_costs(cost: Decimal, reported: OutcomeSums, name: str) -> Figures:
    return {
        Measure("outcome", name): ratio(cost, reported.count, empty="No outcome was reported."),
        Measure("successful_outcome", name): ratio(cost, reported.successful, empty="No outcome was a success."),
    }


def _all_outcomes(sums: ScopeSums) -> OutcomeSums:
    total = OutcomeSums()
    for (kind, _name), reported in sums.outcomes.items():
        if kind == OUTCOME:
            total.add(reported)
    return total


def efficiency(sums: ScopeSums, baseline: TaskSums, *, reserved_gpu_seconds: Decimal | None) -> Figures:
    """Figures that explain unit costs. `baseline` is the scope's own tasks in the 28 days before the period."""
    total, tasks = sums.all_usage, sums.tasks
    per_task = ratio(tasks.tokens, tasks.tasks, empty="No task began.")
    before = ratio(baseline.tokens, baseline.tasks, empty="No task in the 28 days before.")
    no_capacity = "No GPU capacity is stated." if reserved_gpu_seconds is None else "No GPU was reserved."
    return {
        TOKENS_PER_TASK: per_task,
        AGAINST_BASELINE: _against(per_task, before),
        TOKEN_MULTIPLIER: ratio(tasks.tokens, tasks.first_call_tokens, empty="No task began."),
        CACHE_HIT: ratio(total.cached_input_tokens, total.input_tokens, empty="No input tokens."),
        GPU_UTILISATION: ratio(total.gpu_seconds, reserved_gpu_seconds or ZERO, empty=no_capacity),
        UNPRICED: ratio(total.unpriced_requests, total.requests - total.errors, empty="No successful request."),
    }


def _against(now: Ratio, before: Ratio) -> Ratio:
    if now.value is None:
        return Ratio(ZERO, before.value or ZERO, None, now.reason)
    return ratio(now.value, before.value or ZERO, empty=before.reason or "The tasks before had no tokens.")


def shares(sums: ScopeSums) -> Figures:
    """The share of each activity in the cost."""
    total = sums.all_usage.cost
    return {
        Measure("cost_share", activity): ratio(
            sums.usage.get(activity, UsageSums()).cost, total, empty="Nothing was spent."
        )
        for activity in ACTIVITIES
    }


def deviation(value: Decimal | None, target: Decimal) -> Decimal | None:
    """(value − target) / target, to nine places; None without a value."""
    return None if value is None else ((value - target) / target).quantize(PLACES, rounding=ROUND_HALF_EVEN)


def _nine_places(value: Decimal) -> Decimal:
    return value.quantize(PLACES, rounding=ROUND_HALF_EVEN)


def trend_periods(since: date, until: date, trend: Trend) -> list[tuple[date, date]]:
    """[since, until) split at days, Mondays or firsts of months; the first and the last may be shorter."""
    periods: list[tuple[date, date]] = []
    start = since
    while start < until:
        end = min(_next(start, trend), until)
        periods.append((start, end))
        start = end
    return periods


def _next(day: date, trend: Trend) -> date:
    match trend:
        case "day":
            return day + DAY
        case "week":
            return day + timedelta(days=7 - day.weekday())
        case "month":
            return month_after(day)


def sums_by_period(by_day: Mapping[date, ScopeSums], periods: Sequence[tuple[date, date]]) -> list[ScopeSums]:
    """The sums of each of `periods`."""
    return [total_of(by_day[day] for day in days_from(start, end) if day in by_day) for start, end in periods]


def total_of(each: Iterable[ScopeSums]) -> ScopeSums:
    """All of them added into new sums."""
    total = ScopeSums()
    for sums in each:
        total.add(sums)
    return total
