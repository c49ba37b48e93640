"""A budget's period as a picture of fixed size: spent so far, an even pace, the amount."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from budgets.plans.engine.periods import Period

WIDTH, HEIGHT = 720, 240
DAYS_IN_LONGEST_MONTH = 31
LEFT, RIGHT, TOP, BOTTOM = 84, 16, 16, 32


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class BurnChart:
    """Coordinates for an SVG of WIDTH x HEIGHT; `actual` stops at today."""

    actual: str
    area: str
    even: tuple[float, float, float, float]
    budget_y: float
    zero_y: float
    today_x: float | None
    last: tuple[float, float] | None
    days: tuple[Tick, ...]
    amounts: tuple[Tick, ...]


def _short(value: float) -> str:
    for size, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{suffix}"
    return f"{value:.4g}"


def burn_up(*, amount: Decimal, spent_by_day: Mapping[date, Decimal], period: Period, today: date) -> BurnChart:
    """Cumulative spending against the budget and an even pace. Pixels only: floats never leave the picture."""
    shown_until = min(max(today, period.start - timedelta(days=1)), period.end - timedelta(days=1))
    total, series = Decimal(0), [(0, 0.0)]
    for number in range((shown_until - period.start).days + 1):
        total += spent_by_day.get(period.start + timedelta(days=number), Decimal(0))
        series.append((number + 1, float(total)))
    top = max(float(amount), *(value for _day, value in series), 1e-9) * 1.08
    low = min(0.0, *(value for _day, value in series))

    def x(day: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * day / period.days, 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (top - value) / (top - low), 1)

    points = " ".join(f"{x(day)},{y(value)}" for day, value in series)
    started = period.start <= today
    return BurnChart(
        actual=points if started else "",
        area=f"{x(0)},{y(0)} {points} {x(series[-1][0])},{y(0)}" if started else "",
        even=(x(0), y(0), x(period.days), y(float(amount))),
        budget_y=y(float(amount)),
        zero_y=y(0),
        today_x=x((today - period.start).days + 1) if period.contains(today) else None,
        last=(x(series[-1][0]), y(series[-1][1])) if started else None,
        days=_day_ticks(period, x),
        amounts=tuple(
            Tick(y(float(amount) * part), _short(float(amount) * part)) for part in (0.0, 0.25, 0.5, 0.75, 1.0)
        ),
    )


def _day_ticks(period: Period, x: Callable[[float], float]) -> tuple[Tick, ...]:
    if period.days <= DAYS_IN_LONGEST_MONTH:
        days = [period.start + timedelta(days=number) for number in range(0, period.days, 7)]
        return tuple(Tick(x((day - period.start).days), f"{day.day} {day:%b}") for day in days)
    firsts = [period.start + timedelta(days=number) for number in range(period.days)]
    return tuple(Tick(x((day - period.start).days), f"{day:%b}") for day in firsts if day.day == 1)
