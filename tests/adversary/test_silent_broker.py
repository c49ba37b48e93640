"""A broker that accepts connections and says nothing: messages are sent, and a standstill of evaluation is told."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from governance.messages.models import Delivery
from governance.messages.operations import queue_delivery
from governance.organisations.operations import create_scope
from governance.work.models import DirtyScope
from tests.adversary.test_slow_receivers import channel_to, receiving
from tests.governance.conftest import AT, SYSTEM, message
from tests.policies.conftest import person

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 120

pytestmark = [pytest.mark.adversary("slow receivers"), pytest.mark.django_db(transaction=True), pytest.mark.slow]


@contextmanager
def program_that_sends(folder: Path) -> Iterator[Path]:
    """As `weir up` starts it, on the test's database and a broker that says nothing. Yields its log."""
    known = connection.settings_dict
    database = make_conninfo(
        dbname=known["NAME"], user=known["USER"], password=known["PASSWORD"], host=known["HOST"], port=known["PORT"]
    )
    log = folder / "deliver.log"
    with socket.create_server(("127.0.0.1", 0)) as silent, log.open("wb") as lines:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "PYTEST_"))}
        environment |= {
            "DATABASE_URL": database, "CELERY_BROKER_URL": f"redis://127.0.0.1:{silent.getsockname()[1]}/0",
            "WEIR_DATA_DIR": str(folder), "WEIR_ALLOW_LOOPBACK_WEBHOOKS": "true",
            "WEIR_SECRET_KEYS": ",".join(configured.WEIR_SECRET_KEYS),
        }  # fmt: skip
        words = ["-m", "celery", "-A", "config", "worker", "--pool", "threads", "--queues", "deliveries,watch"]
        program = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment, stdout=lines, stderr=lines)
        try:
            yield log
        finally:
            program.kill()
            program.wait()


def test_messages_are_sent_and_a_standstill_is_told_while_the_broker_says_nothing(
    tmp_path: Path, settings: Any
) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    person("own@acme.example", acme, "engineering", "")
    DirtyScope.objects.update_or_create(scope=acme, defaults={"dirty_since": timezone.now() - timedelta(minutes=10)})

    with receiving("answers") as receiver:
        queue_delivery(channel=channel_to(acme, receiver, "hook"), dedup_key="a", message=message(), at=AT)
        stalls = Delivery.objects.filter(message__event_type="evaluation.stalled")
        with program_that_sends(tmp_path) as log:
            deadline = time.monotonic() + WITHIN_S
            while not (receiver.heard and stalls.exists()):
                assert time.monotonic() < deadline, log.read_text()[-3000:]
                time.sleep(0.1)
    assert (receiver.heard, [delivery.to for delivery in stalls]) == (1, [["own@acme.example"]])
