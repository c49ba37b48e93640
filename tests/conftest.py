"""One PostgreSQL for the whole run: the one DATABASE_URL names, or the embedded one in a folder of its own."""

import base64
import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault("WEIR_SECRET_KEY", "tests-only")
os.environ.setdefault("WEIR_SECRET_KEYS", base64.b64encode(bytes(range(32))).decode())
os.environ.setdefault("CELERY_BROKER_URL", "memory://")
