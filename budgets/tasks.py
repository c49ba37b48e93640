"""Celery finds this app's tasks here; each concept holds its own."""

from budgets.forecasts import tasks as forecasts
from budgets.ledger import tasks as ledger
from budgets.proof import tasks as proof
from budgets.requests import tasks as requests
from budgets.reservations import tasks as reservations
from budgets.slack import tasks as slack

__all__ = ["forecasts", "ledger", "proof", "requests", "reservations", "slack"]
