"""Scheduled work on the quarantine."""

from celery import shared_task
from django.utils import timezone

from allocation.replay import operations


@shared_task(name="allocation.replay_early_outcomes", ignore_result=True)
def replay_early_outcomes(**_: object) -> None:
    operations.replay_early_outcomes(at=timezone.now())
