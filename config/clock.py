"""What goes on when broker and beat have stopped: in the program that sends, by a clock of its own. Messages are sent,
and that evaluation stands still is noticed, whoever else still runs.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from celery import bootsteps

QUEUE = "deliveries"
EVERY_S = {"policies.watch_evaluation": 30.0, "governance.send_due_deliveries": 5.0}


class Clock(bootsteps.StartStopStep):
    """Part of every worker that serves QUEUE. It starts before the worker connects to the broker, and ends with it."""

    def include_if(self, parent: Any) -> bool:
        """Celery's question."""
        return QUEUE in parent.app.amqp.queues.consume_from

    def start(self, parent: Any) -> None:
        """Celery's call."""
        # Late: this module is read before apps are loaded.
        from governance.work.operations import keep_on  # noqa: PLC0415

        for name, every_s in EVERY_S.items():
            threading.Thread(
                target=keep_on, args=(partial(again_and_again, parent.app.tasks[name], every_s),),
                kwargs={"failed": f"{name} failed"}, name=f"clock {name}", daemon=True,
            ).start()  # fmt: skip


def again_and_again(work: Callable[[], object], every_s: float) -> NoReturn:
    """At once, then after each pause, during which no connection to the database is held."""
    from django.db import connection  # noqa: PLC0415  # as above

    while True:
        work()
        connection.close()
        time.sleep(every_s)
