"""The clock of forecasts."""

from celery import shared_task
from django.utils import timezone


@shared_task(name="budgets.make_forecasts", ignore_result=True)
def make_forecasts(**_: object) -> None:
    from budgets.forecasts import operations  # noqa: PLC0415  # numpy only in the worker that needs it

    operations.make_forecasts(at=timezone.now())
