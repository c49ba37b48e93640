"""Celery finds this app's tasks here; each concept holds its own."""

from allocation.anomalies import tasks as anomalies
from allocation.corrections import tasks as corrections
from allocation.prices import tasks as prices
from allocation.replay import tasks as replay
from allocation.shared_cost import tasks as shared_cost
from allocation.usage import tasks as usage

__all__ = ["anomalies", "corrections", "prices", "replay", "shared_cost", "usage"]
