"""Scheduled corrections."""

from celery import shared_task
from django.utils import timezone

from allocation.corrections import operations


@shared_task(name="allocation.take_back_repeated_calls", ignore_result=True)
def take_back_repeated_calls(**_: object) -> None:
    """Takes back what counted twice until the span came that tells so."""
    operations.take_back_repeated_calls(at=timezone.now())
