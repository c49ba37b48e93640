"""The clock of answers to Slack."""

from celery import shared_task
from django.utils import timezone

from budgets.slack import operations


@shared_task(name="budgets.answer_slack", ignore_result=True)
def answer_slack(**_: object) -> None:
    operations.answer_presses(at=timezone.now())
