"""Scheduled splitting of shared cost."""

from celery import shared_task
from django.utils import timezone

from allocation.shared_cost import operations


@shared_task(name="allocation.split_shared_cost", ignore_result=True)
def split_shared_cost(**_: object) -> None:
    operations.run_open_months(at=timezone.now())
