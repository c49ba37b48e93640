"""The tasks that keep this app's rows of work."""

from celery import shared_task
from django.utils import timezone

from governance.work import operations


@shared_task(name="governance.beat", ignore_result=True)
def beat(**_: object) -> None:
    """The scheduler's sign of life: without it, the scheduler or every worker is gone."""
    operations.beat("beat", at=timezone.now())


@shared_task(name="governance.forget_old_commands", ignore_result=True)
def forget_old_commands(**_: object) -> None:
    operations.forget_old_commands(at=timezone.now())
