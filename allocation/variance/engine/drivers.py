"""What a scope's volume is counted in: its tasks where they cover its use, else its requests, else its tokens."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from governance.charts.engine.numbers import percent_at_least

Pair = tuple[int, int]
# With less, a change in how many calls name their task would count as a change in volume.
TASK_COVERAGE_MIN = Fraction(4, 5)


class Driver(StrEnum):
    """What volume can be counted in."""

    TASKS = "tasks"
    REQUESTS = "requests"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class ActivityCounts:
    """How much was done in each of two periods. `task_requests` counts the requests that name their task."""

    tasks: Pair = (0, 0)
    task_requests: Pair = (0, 0)
    requests: Pair = (0, 0)
    tokens: Pair = (0, 0)

    def counted(self, driver: Driver) -> Pair:
        match driver:
            case Driver.TASKS:
                return self.tasks
            case Driver.REQUESTS:
                return self.requests
            case Driver.TOKENS:
                return self.tokens

    def swapped(self) -> "ActivityCounts":
        return ActivityCounts(*(pair[::-1] for pair in (self.tasks, self.task_requests, self.requests, self.tokens)))


@dataclass(frozen=True, slots=True)
class DriverChoice:
    """What volume is counted in, and why, as a sentence without its full stop."""

    driver: Driver
    reason: str


def choose_driver(activity: ActivityCounts, requested: Driver | None = None) -> DriverChoice:
    """`requested` where it covers the use of both periods; else the best of tasks, requests and tokens that does."""
    if requested is not None and _covers(activity, requested):
        return DriverChoice(requested, "asked for")
    prefix = f"{requested} were asked for, but one period has none; " if requested is not None else ""
    default = _by_coverage(activity)
    return DriverChoice(default.driver, prefix + default.reason)


def _covers(activity: ActivityCounts, driver: Driver) -> bool:
    """Whether there is something to count in every period that has use."""
    counted = activity.counted(driver)
    return all(
        count or not (requests or tokens)
        for count, requests, tokens in zip(counted, activity.requests, activity.tokens, strict=True)
    )


def _by_coverage(activity: ActivityCounts) -> DriverChoice:
    covered = [
        Fraction(of_tasks, requests)
        for tasks, of_tasks, requests in zip(activity.tasks, activity.task_requests, activity.requests, strict=True)
        if requests and (tasks or requests)
    ]
    least = min(covered, default=Fraction(0))
    if least >= TASK_COVERAGE_MIN and any(activity.tasks):
        covered_by = "all" if least >= 1 else f"at least {percent_at_least(least)} of"
        return DriverChoice(Driver.TASKS, f"{covered_by} requests name their task")
    if any(activity.requests):
        named = percent_at_least(least)
        few = f"only {named} name their task" if any(activity.tasks) else "no request names its task"
        return DriverChoice(Driver.REQUESTS, few)
    return DriverChoice(Driver.TOKENS, "neither tasks nor requests are known")
