"""The clock of requests."""

from celery import shared_task
from django.utils import timezone

from budgets.requests import operations


@shared_task(name="budgets.expire_requests", ignore_result=True)
def expire_requests(**_: object) -> None:
    operations.expire_requests(at=timezone.now())


@shared_task(name="budgets.remind_approvers", ignore_result=True)
def remind_approvers(**_: object) -> None:
    operations.remind_approvers(at=timezone.now())
