"""Starting a task soon after a commit, by a message that no request waits for."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from celery import current_app
from django.db import connection, transaction

logger = logging.getLogger(__name__)

QUIET_S = 0.25
EXIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Bell:
    """What is started, and the queue that carries the message."""

    task: str
    queue: str


class Bells:
    """Sends one message for however many rings of a bell came within `quiet_s`: the first at once, one more for all
    that came after it. A thread sends them, since a broker that is silent must not hold the caller; what it refuses is
    logged and forgotten.
    """

    def __init__(self, send: Callable[[Bell], None], *, quiet_s: float = QUIET_S) -> None:
        self._send, self._quiet_s = send, quiet_s
        self.forget()

    def forget(self) -> None:
        """For a process just forked, which has neither the thread nor its lock: the messages are its parent's."""
        self._changed = threading.Condition()
        self._due: dict[Bell, float] = {}
        self._sent: dict[Bell, float] = {}
        self._is_sending = self._is_ending = False
        self._thread: threading.Thread | None = None

    def ring(self, bell: Bell) -> None:
        """Returns at once."""
        with self._changed:
            self._due.setdefault(bell, self._sent.get(bell, float("-inf")) + self._quiet_s)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bells", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def finish(self, within_s: float = EXIT_S) -> bool:
        """Sends what waits without a pause; False when the broker takes longer than that."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._due and not self._is_sending, within_s)
            self._is_ending = False
            return done

    def _run(self) -> None:
        while True:
            bell = self._next()
            try:
                self._send(bell)
            except Exception as problem:  # noqa: BLE001  # each transport has errors of its own
                logger.warning("%s is left to its schedule, since the broker refuses: %s", bell.task, problem)
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()

    def _next(self) -> Bell:
        """Waits for the next that is due. It counts as sent before it is, so that a ring in between is another."""
        with self._changed:
            while True:
                bell = min(self._due, key=self._due.__getitem__, default=None)
                wait_s = None if bell is None else self._due[bell] - time.monotonic()
                if bell is not None and wait_s is not None and (wait_s <= 0 or self._is_ending):
                    del self._due[bell]
                    self._sent[bell] = time.monotonic()
                    self._is_sending = True
                    return bell
                self._changed.wait(wait_s)


def _send(bell: Bell) -> None:
    current_app.send_task(bell.task, queue=bell.queue, ignore_result=True, retry=False)


BELLS = Bells(_send)
os.register_at_fork(after_in_child=BELLS.forget)
atexit.register(BELLS.finish)


@dataclass(frozen=True)
class _Nudge:
    bell: Bell

    def __post_init__(self) -> None:
        # Django logs a failed hook by its qualified name, which an instance lacks.
        object.__setattr__(self, "__qualname__", f"nudge({self.bell.task})")

    def __call__(self) -> None:
        BELLS.ring(self.bell)


def nudge(task: str, *, queue: str) -> None:
    """Sends the task soon after commit, at most once in QUIET_S for each process, to save time only: its schedule finds
    the work anyway, so that a broker which is silent does no harm and delays nobody.
    """
    ring = _Nudge(Bell(task, queue))
    savepoints = set(connection.savepoint_ids)
    if not any(func == ring and sids == savepoints for sids, func, *_ in connection.run_on_commit):
        transaction.on_commit(ring, robust=True)
