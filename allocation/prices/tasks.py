"""Scheduled work on prices."""

from celery import shared_task
from django.utils import timezone

from allocation.prices import operations


@shared_task(name="allocation.snapshot_catalogue", ignore_result=True)
def snapshot_catalogue(**_: object) -> None:
    """Dates what a new release of the catalogue changes."""
    operations.snapshot_catalogue(at=timezone.now())
