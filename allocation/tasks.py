from celery import shared_task
from django.utils import timezone

from allocation import operations


@shared_task(name="allocation.maintain_partitions", ignore_result=True)
def maintain_partitions(**_: object) -> None:
    operations.maintain_partitions(at=timezone.now())


@shared_task(name="allocation.split_shared_cost", ignore_result=True)
def split_shared_cost(**_: object) -> None:
    operations.run_open_months(at=timezone.now())


@shared_task(name="allocation.detect_anomalies", ignore_result=True)
def detect_anomalies(**_: object) -> None:
    operations.detect_anomalies(at=timezone.now())


@shared_task(name="allocation.replay_early_outcomes", ignore_result=True)
def replay_early_outcomes(**_: object) -> None:
    operations.replay_early_outcomes(at=timezone.now())
