"""The Celery application. The work is rows in the database; Celery runs the schedule and the workers."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_after_setup
from kombu.transport import TRANSPORT_ALIASES

from config.clock import Clock
from config.statements import limit, program_of_queues

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# kombu's own pgmq transport recreates tables and triggers in every process (config/broker.py).
TRANSPORT_ALIASES["pgmq"] = "config.broker:Transport"

app = Celery("weir")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(Clock)


@celeryd_after_setup.connect(dispatch_uid="statements")
def limit_statements(instance: Any, **_: object) -> None:
    """Of a worker that was started by hand; `weir up` has limited its own."""
    limit(program_of_queues(instance.app.amqp.queues.consume_from))
