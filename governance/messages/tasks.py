"""The task that sends what is due."""

import logging
import time

from celery import shared_task
from django.utils import timezone

from governance.messages import operations

logger = logging.getLogger(__name__)
BATCH_MAX = 200


@shared_task(name="governance.send_due_deliveries", ignore_result=True)
def send_due_deliveries(**_: object) -> None:
    if not operations.holds_sealing_key():
        # Its channels would not open, and their messages would be given up: another node sends them.
        logger.error("no delivery is sent from here: %s", operations.OTHER_KEY)
        return
    for _n in range(BATCH_MAX):
        lease = operations.claim_due_delivery(at=timezone.now())
        if lease is None:
            return
        began = time.monotonic()
        outcome = operations.send_delivery(lease, at=timezone.now())
        took_s = time.monotonic() - began
        operations.settle_delivery(lease=lease, outcome=outcome, at=timezone.now(), took_s=took_s)
