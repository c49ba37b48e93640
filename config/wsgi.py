"""What granian serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# A batch of usage makes ten thousand objects and frees nearly all of them by itself. Looking for cycles after every
# seven hundred of them cost a fifth of ingest; what is loaded by now stays for good and is looked at no more.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
