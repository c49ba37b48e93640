from celery import shared_task
from django.utils import timezone

from allocation.usage import operations


@shared_task(name="allocation.maintain_partitions", ignore_result=True)
def maintain_partitions(**_: object) -> None:
    operations.maintain_partitions(at=timezone.now())
