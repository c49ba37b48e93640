"""Celery finds this app's tasks here; each concept holds its own."""

from budgets.ledger import tasks as ledger

__all__ = ["ledger"]
