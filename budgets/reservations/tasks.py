"""The clock of reservations."""

from celery import shared_task
from django.utils import timezone

from budgets.reservations import operations


@shared_task(name="budgets.expire_reservations", ignore_result=True)
def expire_reservations(**_: object) -> None:
    operations.expire_reservations(at=timezone.now())
