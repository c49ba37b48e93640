"""The task that opens the accounts of the coming day."""

from celery import shared_task
from django.utils import timezone

from budgets.ledger import operations


@shared_task(name="budgets.open_periods", ignore_result=True)
def open_periods(**_: object) -> None:
    operations.open_periods(at=timezone.now())
