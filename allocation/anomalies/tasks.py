"""The clock of anomaly detection."""

from celery import shared_task
from django.utils import timezone

from allocation.anomalies import operations


@shared_task(name="allocation.detect_anomalies", ignore_result=True)
def detect_anomalies(**_: object) -> None:
    operations.detect_anomalies(at=timezone.now())
