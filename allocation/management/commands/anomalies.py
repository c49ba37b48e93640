"""weir anomalies list [--scope PATH] [--status open] | detect [--since 2026-01-01] [--scope PATH]"""

import sys
from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from allocation.anomalies import operations, queries
from allocation.anomalies.engine.words import sentence
from allocation.anomalies.models import Anomaly
from governance.management.arguments import operator, scope_at
from governance.scopes.queries import scope_tree


class Command(BaseCommand):
    help = "List the anomalies of scopes, or look for them now; with --since in all days from then on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        listed = parts.add_parser("list", help="each in a sentence, the newest first")
        listed.add_argument("--scope", help="path of the scope; those below it count, too")
        listed.add_argument("--status", choices=Anomaly.Status.values)
        detect = parts.add_parser("detect", help="judge the last 14 days, or all days since a day that is past")
        detect.add_argument("--since", type=_day, help="first UTC day to judge, such as 2026-01-01")
        detect.add_argument("--scope", help="only this scope and those below it")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        scope_id = scope_at(options["scope"]).pk if options["scope"] else None
        if options["part"] == "list":
            self._list(scope_id, options["status"])
        else:
            self._detect(scope_id, options["since"])

    def _list(self, scope_id: int | None, status: str | None) -> None:
        anomalies = queries.anomalies_seen(actor=operator(), scope_id=scope_id).order_by("-first_day", "-pk")
        tree = scope_tree()
        for anomaly in anomalies.filter(status=status) if status else anomalies:
            self.stdout.write(sentence(queries.told(anomaly, tree.by_id[anomaly.scope_id].currency)))

    def _detect(self, scope_id: int | None, since: date | None) -> None:
        tree = scope_tree()
        chosen = None if scope_id is None else tree.descendants(scope_id)
        with tqdm(
            total=len(tree.by_id if chosen is None else chosen), unit="scope", disable=not sys.stderr.isatty()
        ) as bar:
            counts = operations.detect_anomalies(
                at=timezone.now(),
                scope_ids=chosen,
                since=since,
                progress=lambda _organisation, scopes: bar.update(scopes),
            )
        self.stdout.write(
            f"{counts.series} series judged: {counts.opened} anomalies opened, {counts.changed} changed,"
            f" {counts.closed} closed."
        )
        if counts.failed:
            raise CommandError(f"Not looked at, the log says why: {', '.join(counts.failed)}.")


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise CommandError(f"{text!r} is no day; write 2026-01-31.") from None
