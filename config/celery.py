"""The Celery application. The work is rows in the database; Celery runs the schedule and the workers."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from config.clock import Clock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# kombu's own pgmq transport recreates tables and triggers in every process (config/broker.py).
TRANSPORT_ALIASES["pgmq"] = "config.broker:Transport"

app = Celery("weir")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(Clock)
