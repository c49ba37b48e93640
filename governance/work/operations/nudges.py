"""Starting a task soon after a commit."""

from __future__ import annotations

from dataclasses import dataclass

from celery import current_app
from django.db import connection, transaction


@dataclass(frozen=True)
class _Nudge:
    task: str
    queue: str

    def __post_init__(self) -> None:
        # Django logs a failed hook by its qualified name, which an instance lacks.
        object.__setattr__(self, "__qualname__", f"nudge({self.task})")

    def __call__(self) -> None:
        current_app.send_task(self.task, queue=self.queue, ignore_result=True, retry=False)


def nudge(task: str, *, queue: str) -> None:
    """Sends the task once after commit, to save time only: its schedule finds the work anyway, so that a broker which
    is not reachable is logged by Django and does no harm.
    """
    send = _Nudge(task, queue)
    savepoints = set(connection.savepoint_ids)
    if not any(func == send and sids == savepoints for sids, func, *_ in connection.run_on_commit):
        transaction.on_commit(send, robust=True)
