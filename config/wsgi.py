"""The WSGI application that granian serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# A batch of usage creates ten thousand objects, nearly all freed by reference counting. Collecting cycles at Python's
# default threshold of 700 cost a fifth of ingest; modules loaded by now stay for good and need no collection.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
