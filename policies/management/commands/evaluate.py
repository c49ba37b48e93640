"""weir evaluate: evaluates guardrails on scopes whose facts changed, as they change, until it is stopped."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import NoReturn

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from governance.memory.engine import collect_cycles_seldom
from governance.work.operations import ANY_DIRTY, DIRTY_CHANNEL, WhichDirty, heard, keep_on, listen
from policies.evaluation.operations import evaluate_next_dirty_scopes, mark_due_scopes

# Notifications may be lost; timers that run out notify nobody.
LOOK_EVERY_S = 2.0
# What can wait is left until several times as long has passed as it took last time, and no longer than so many seconds:
# the same scopes are marked again and again while usage comes, and are evaluated once for many marks.
RESTS, RESTS_S_MAX = 9, 1.0
# While many findings are written the next are evaluated, and the thread that writes waits so long for its turn.
SWITCH_S = 0.0005
AT_ONCE = WhichDirty(at_once=True)


class Command(BaseCommand):
    help = "Evaluate guardrails on scopes whose facts changed, as they change, until stopped."
    requires_system_checks: list[str] = []

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Evaluate what waits, and end.")

    @override
    def handle(self, *, once: bool, **_options: object) -> None:
        if once:
            mark_due_scopes(at=timezone.now())
            _evaluate_all()
            return
        collect_cycles_seldom()
        sys.setswitchinterval(SWITCH_S)
        keep_on(_follow, failed="an evaluation failed")


def _follow() -> NoReturn:
    listen(DIRTY_CHANNEL)
    looked_s, rests_until_s = float("-inf"), 0.0
    while True:
        if time.monotonic() - looked_s >= LOOK_EVERY_S:
            mark_due_scopes(at=timezone.now())
            looked_s = time.monotonic()
        _evaluate_all(AT_ONCE)
        if time.monotonic() >= rests_until_s:
            rests_until_s = _rests_until_s()
        looks_s = looked_s + LOOK_EVERY_S
        wakes_s = min(looks_s, rests_until_s) if rests_until_s else looks_s
        heard(within_s=max(0.0, wakes_s - time.monotonic()))


def _rests_until_s() -> float:
    """Evaluates what waited until now, and returns until when what is marked meanwhile is left; 0 when none waited."""
    began_s = time.monotonic()
    if not _evaluate_all(WhichDirty(marked_by=timezone.now())):
        return 0.0
    ended_s = time.monotonic()
    return ended_s + min(RESTS * (ended_s - began_s), RESTS_S_MAX)


def _evaluate_all(which: WhichDirty = ANY_DIRTY) -> bool:
    """Whether there were any."""
    were_any = False
    while evaluate_next_dirty_scopes(at=timezone.now(), which=which):
        were_any = True
    return were_any
