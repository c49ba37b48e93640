"""The composition root: settings, urls, Celery, the embedded database, the front and what supervises it all."""
