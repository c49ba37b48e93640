"""The clock of requests."""

from celery import shared_task
from django.utils import timezone

from budgets.requests import operations


@shared_task(name="budgets.expire_requests", ignore_result=True)
def expire_requests(**_: object) -> None:
    operations.expire_requests(at=timezone.now())
