"""The nightly proof of the ledger."""

from celery import shared_task
from django.utils import timezone

from budgets.proof import operations


@shared_task(name="budgets.prove_ledgers", ignore_result=True)
def prove_ledgers(**_: object) -> None:
    operations.verify_ledgers(at=timezone.now())
