"""Celery finds this app's tasks here; each concept holds its own."""

from governance.messages import tasks as messages
from governance.work import tasks as work

__all__ = ["messages", "work"]
