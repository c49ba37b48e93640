"""weir evaluate: evaluates guardrails on scopes whose facts changed, as they change, until it is stopped."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import NoReturn

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from governance.work.operations import DIRTY_CHANNEL, heard, keep_on, listen
from policies.evaluation.operations import evaluate_next_dirty_scopes, mark_due_scopes

# Notifications may be lost; timers that run out notify nobody.
LOOK_EVERY_S = 2.0


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
        keep_on(_follow, failed="an evaluation failed")


def _follow() -> NoReturn:
    listen(DIRTY_CHANNEL)
    looked_s = float("-inf")
    while True:
        if time.monotonic() - looked_s >= LOOK_EVERY_S:
            mark_due_scopes(at=timezone.now())
            looked_s = time.monotonic()
        _evaluate_all()
        heard(within_s=max(0.0, looked_s + LOOK_EVERY_S - time.monotonic()))


def _evaluate_all() -> None:
    while evaluate_next_dirty_scopes(at=timezone.now()):
        pass
