from celery import shared_task
from django.utils import timezone

from governance.work import operations


@shared_task(name="governance.beat", ignore_result=True)
def beat(**_: object) -> None:
    """Beat's own sign of life: sent by its schedule, so a silence means that beat or every worker is gone."""
    operations.beat("beat", at=timezone.now())


@shared_task(name="governance.forget_old_commands", ignore_result=True)
def forget_old_commands(**_: object) -> None:
    operations.forget_old_commands(at=timezone.now())
