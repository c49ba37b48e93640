"""weir fold-usage: adds recorded usage to roll-ups, charge lines and tasks, until it is stopped."""

import argparse
import logging
import sys
import time
from threading import Event, Thread
from typing import NoReturn

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from allocation.usage.models import UsageJournal
from allocation.usage.operations import (
    FOLD_CHANNEL,
    FOLD_HEARTBEAT,
    Folded,
    charge_waiting,
    charges_are_due,
    fold_waiting,
    roll_up_waiting,
    try_again,
)
from governance.memory.engine import collect_cycles_seldom
from governance.work.operations import beat, heard, keep_on, listen

logger = logging.getLogger(__name__)

# A fold that took t seconds is followed by a pause of PAUSES × t, at most PAUSE_MAX_S, in which more usage gathers for
# the next: alone a record is folded at once, and under load a few large folds do the work of many small ones.
PAUSES = 2
PAUSE_MAX_S = 0.2
IDLE_S = 2.0
CHARGES_LOOK_S = 0.25
# Adding to charge lines is mostly Python, and the thread that rolls up waits so long for its turn after each statement.
SWITCH_S = 0.0005


class Command(BaseCommand):
    help = "Add recorded usage to roll-ups, charge lines and tasks, as it comes in, until stopped."
    requires_system_checks: list[str] = []

    @override
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Fold what waits, say how much it was, and end.")
        parser.add_argument("--again", action="store_true", help="First let what was set aside wait again.")

    @override
    def handle(self, *, once: bool, again: bool, **_: object) -> None:
        if again:
            print(f"{try_again():,} batches that were set aside wait for the fold again.")
        if once:
            calls, failed = _fold_all()
            print(f"{calls:,} records folded, {failed:,} set aside.")
            return
        collect_cycles_seldom()
        sys.setswitchinterval(SWITCH_S)
        rolled_up = Event()
        Thread(
            target=keep_on,
            args=[lambda: _charge(rolled_up)],
            kwargs={"failed": "a fold of charges failed"},
            daemon=True,
        ).start()
        keep_on(lambda: _roll_up(rolled_up), failed="a fold failed")


def _fold_all() -> tuple[int, int]:
    """How many records were folded and set aside."""
    calls = failed = 0
    while True:
        folded = fold_waiting(at=timezone.now())
        if not folded.batches:
            return calls, failed
        calls += folded.calls
        failed += folded.failed


def _roll_up(rolled_up: Event) -> NoReturn:
    """Adds to roll-ups whenever a batch was recorded; looks by itself every two seconds, since a notification may be
    lost.
    """
    listen(FOLD_CHANNEL)
    beaten_s = float("-inf")
    while True:
        if time.monotonic() - beaten_s >= IDLE_S:
            beat(FOLD_HEARTBEAT, at=timezone.now())
            beaten_s = time.monotonic()
        began_s = time.monotonic()
        folded = roll_up_waiting(at=timezone.now())
        _tell(folded)
        if folded.batches:
            rolled_up.set()
            time.sleep(min(PAUSES * (time.monotonic() - began_s), PAUSE_MAX_S))
        elif UsageJournal.objects.to_roll_up().exists():
            # Another fold holds it.
            time.sleep(PAUSE_MAX_S)
        else:
            heard(within_s=IDLE_S)


def _charge(rolled_up: Event) -> NoReturn:
    """Adds what roll-ups hold to tasks and charge lines, in large groups; beside the roll-ups, which it would keep
    waiting.
    """
    while True:
        rolled_up.wait(IDLE_S)
        rolled_up.clear()
        while (is_due := charges_are_due(at=timezone.now())) is not None:
            folded = charge_waiting(at=timezone.now()) if is_due else Folded()
            _tell(folded)
            if not folded.batches:
                time.sleep(CHARGES_LOOK_S)


def _tell(folded: Folded) -> None:
    if folded.failed:
        logger.error("%s usage records were set aside; see `weir doctor`", folded.failed)
