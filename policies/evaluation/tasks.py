"""Celery tasks that evaluate guardrails; the schedule is in config/schedule.py."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from policies.evaluation import operations

CLAIMS_MAX = 50


@shared_task(name="policies.evaluate_dirty_scopes", ignore_result=True)
def evaluate_dirty_scopes(**_: object) -> None:
    operations.mark_due_scopes(at=timezone.now())
    for _n in range(CLAIMS_MAX):
        if not operations.evaluate_next_dirty_scopes(at=timezone.now()):
            return


@shared_task(name="policies.sweep", ignore_result=True)
def sweep(**_: object) -> None:
    operations.watch_evaluation(at=timezone.now())
    operations.sweep(at=timezone.now())
