from __future__ import annotations

from dataclasses import dataclass

from celery import current_app
from django.db import connection, transaction


@dataclass(frozen=True)
class _Nudge:
    task: str
    queue: str

    def __post_init__(self) -> None:
        # Django names a robust hook that failed by this; without it the failure itself would fail.
        object.__setattr__(self, "__qualname__", f"nudge({self.task})")

    def __call__(self) -> None:
        current_app.send_task(self.task, queue=self.queue, ignore_result=True, retry=False)


def nudge(task: str, *, queue: str) -> None:
    """After commit, ring the doorbell once, for latency only: the beat sweep finds the work without it,
    so a broker that is away is logged by Django and does no harm.
    """
    bell = _Nudge(task, queue)
    here = set(connection.savepoint_ids)
    if not any(func == bell and sids == here for sids, func, *_ in connection.run_on_commit):
        transaction.on_commit(bell, robust=True)
