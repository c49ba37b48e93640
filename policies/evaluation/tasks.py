"""Celery tasks that evaluate guardrails; the schedule is in config/schedule.py."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from policies.evaluation import operations

CLAIMS_MAX = 50


@shared_task(name="policies.evaluate_dirty_scopes", ignore_result=True)
def evaluate_dirty_scopes(**_: object) -> None:
    """Mark scopes whose timers ran out, then evaluate dirty scopes, at most CLAIMS_MAX claims."""
    operations.mark_due_scopes(at=timezone.now())
    for _n in range(CLAIMS_MAX):
        if not operations.evaluate_next_dirty_scopes(at=timezone.now()):
            return


@shared_task(name="policies.sweep", ignore_result=True)
def sweep(**_: object) -> None:
    """Check that dirty scopes are being evaluated, then evaluate every guardrail on every scope."""
    operations.watch_evaluation(at=timezone.now())
    operations.sweep(at=timezone.now())
