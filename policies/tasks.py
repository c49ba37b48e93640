"""Celery finds this app's tasks here; each concept holds its own."""

from policies.evaluation import tasks as evaluation

__all__ = ["evaluation"]
