"""The composition root: settings, urls, Celery, the embedded database and what supervises it all."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
