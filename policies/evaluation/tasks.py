"""Celery tasks that evaluate guardrails; the schedule is in config/schedule.py."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from governance.work.operations import WhichDirty
from policies.evaluation import operations

CLAIMS_MAX = 50
LEFT_FOR = timedelta(seconds=3)


@shared_task(name="policies.evaluate_dirty_scopes", ignore_result=True)
def evaluate_dirty_scopes(**_: object) -> None:
    """Mark scopes whose timers ran out, then evaluate dirty scopes, at most CLAIMS_MAX claims. What can wait is left to
    the program `evaluate`, unless it has not come to it for LEFT_FOR.
    """
    operations.mark_due_scopes(at=timezone.now())
    claims = 0
    for which in (WhichDirty(at_once=True), WhichDirty(marked_by=timezone.now() - LEFT_FOR)):
        while claims < CLAIMS_MAX and operations.evaluate_next_dirty_scopes(at=timezone.now(), which=which):
            claims += 1


@shared_task(name="policies.sweep", ignore_result=True)
def sweep(**_: object) -> None:
    """Evaluate every guardrail on every scope."""
    operations.sweep(at=timezone.now())


@shared_task(name="policies.watch_evaluation", ignore_result=True)
def watch_evaluation(**_: object) -> None:
    """Check that dirty scopes are being evaluated, from another process than those that do."""
    operations.watch_evaluation(at=timezone.now())
