"""What was forecast last, for the chart of a budget."""

from datetime import date
from decimal import Decimal

from budgets.forecasts.models import Forecast
from budgets.ledger.engine.burn_chart import Ahead
from budgets.plans.engine.periods import Period
from governance.calendar.engine import DAY

FORECASTS_HEARTBEAT = "budgets.forecasts"


def forecast_of_period(*, scope_id: int, unit: str, period: Period, day: date) -> Forecast | None:
    """The latest of the period that was made on `day` or the day before; older ones say too little of what is left."""
    return (
        Forecast.objects.filter(
            scope_id=scope_id, unit=unit, starts_on=period.start, ends_on=period.end, made_on__gte=day - DAY
        )
        .exclude(path=[])
        .order_by("-made_on")
        .first()
    )


def days_ahead(forecast: Forecast) -> list[Ahead]:
    """The running total after each day that was forecast."""
    return [
        Ahead(forecast.made_on + DAY * number, *(Decimal(bound) for bound in bounds))
        for number, bounds in enumerate(forecast.path)
    ]
