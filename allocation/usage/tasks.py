"""Scheduled work on usage."""

from celery import shared_task
from django.utils import timezone

from allocation.usage import operations


@shared_task(name="allocation.fold_usage", ignore_result=True)
def fold_usage(**_: object) -> None:
    """Folds what waits, should `weir fold-usage` not run."""
    if operations.is_followed(at=timezone.now()):
        return
    while operations.fold_waiting(at=timezone.now()).batches:
        pass


@shared_task(name="allocation.maintain_partitions", ignore_result=True)
def maintain_partitions(**_: object) -> None:
    """Creates coming partitions and drops expired ones."""
    operations.maintain_partitions(at=timezone.now())


@shared_task(name="allocation.sum_months", ignore_result=True)
def sum_months(**_: object) -> None:
    """Sums the charge lines of months that have ended."""
    operations.sum_months(at=timezone.now())
