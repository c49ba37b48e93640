"""weir usage import FILE | replay | rerate"""

import gc
import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from allocation.corrections.operations import rerate_usage
from allocation.replay.operations import replay_quarantined
from allocation.usage.importers.files import Format, ImportRequest, Progress, import_file, load_mapping, mapping_path
from allocation.usage.models import ImportRun
from governance.calendar.engine import midnight
from governance.errors import DomainError
from governance.management.arguments import operator, scope_at
from governance.scopes.queries import scope_tree

logger = logging.getLogger(__name__)
LOG_EVERY = 100_000
# What needs a mapping; the mapping's own format holds.
MAPPED = ("csv", "jsonl", "json", "parquet")


class Command(BaseCommand):
    help = "Bring usage in from a file, or replay what was quarantined."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        bring = parts.add_parser("import", help="bring usage in from a file")
        bring.add_argument("file", type=Path)
        bring.add_argument("--format", choices=["native", "litellm", *MAPPED], default="native")
        bring.add_argument(
            "--mapping", help="YAML that names the columns, or one that ships, such as openai-completions"
        )
        bring.add_argument("--scope", help="the subtree the usage may go to, and whose rules attribute it")
        bring.add_argument("--source", help="instead of the source that the records or the mapping name")
        bring.add_argument("--price", choices=["billed", "catalogue"], default="catalogue", help="litellm: whose cost")
        again = parts.add_parser("replay", help="try quarantined records again")
        again.add_argument("--code", help="only those refused for this reason")
        again.add_argument("--id", type=int, action="append", dest="ids", help="only this one; may be repeated")
        again.add_argument("--dry-run", action="store_true")

        prices = parts.add_parser("rerate", help="price recorded usage again by the price books of today")
        prices.add_argument("--organisation", required=True)
        prices.add_argument("--since", required=True, type=day, help="first UTC day, 2026-10-01")
        prices.add_argument("--until", required=True, type=day, help="UTC day after the last")
        prices.add_argument("--reason", required=True)
        prices.add_argument("--model", help="only usage of this model")
        prices.add_argument("--dry-run", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        try:
            if options["part"] == "import":
                self._import(options)
            elif options["part"] == "rerate":
                self._rerate(options)
            else:
                self._replay(options)
        except (DomainError, OSError) as problem:
            raise CommandError(str(problem)) from problem

    def _import(self, options: dict[str, Any]) -> None:
        # As in the web process: looking for cycles after every seven hundred objects costs a fifth of a large import.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        order = order_of(options)
        size = order.path.stat().st_size
        with tqdm(total=size, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
            run = import_file(order, now=timezone.now, progress=reporter(order.path.name, bar))
        self.stdout.write(sentence(run))

    def _replay(self, options: dict[str, Any]) -> None:
        result = replay_quarantined(
            actor=operator(), ids=options["ids"], code=options["code"], dry_run=options["dry_run"], at=timezone.now()
        )
        would = "would be accepted (or are there already)" if options["dry_run"] else "accepted"
        self.stdout.write(f"{result.accepted} {would}, {result.duplicate} there already.")
        for code, count in sorted(result.remaining.items()):
            self.stdout.write(f"{count} remain: {code}")

    def _rerate(self, options: dict[str, Any]) -> None:
        outcome = rerate_usage(
            organisation=scope_at(options["organisation"]),
            since=options["since"],
            until=options["until"],
            reason=options["reason"],
            model=options["model"],
            actor=operator(),
            at=timezone.now(),
            dry_run=options["dry_run"],
        )
        verb = "would change" if options["dry_run"] else "changed"
        self.stdout.write(
            f"{outcome.looked_at} records looked at, {outcome.corrected} {verb}: {outcome.change:+f} in all."
        )
        for code, count in sorted(outcome.refused.items()):
            self.stdout.write(f"{count} left as they are: {code}")


def day(text: str) -> datetime:
    try:
        return midnight(date.fromisoformat(text))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day; write 2026-10-01.") from None


def order_of(options: dict[str, Any]) -> ImportRequest:
    if options["format"] in MAPPED and options["mapping"] is None:
        raise CommandError(f"--format {options['format']} needs --mapping.")
    source_format: Format = "mapped" if options["mapping"] else options["format"]
    return ImportRequest(
        path=options["file"],
        source_format=source_format,
        mapping=load_mapping(mapping_path(options["mapping"])) if options["mapping"] else None,
        scope_id=scope_id_of(options["scope"]),
        source=options["source"],
        price=options["price"],
    )


def scope_id_of(path: str | None) -> int | None:
    if path is None:
        return None
    node = scope_tree().by_path.get(path)
    if node is None:
        raise CommandError(f"There is no scope {path}.")
    return node.id


def reporter(name: str, bar: "tqdm[Any]") -> Progress:
    """A bar on a terminal, a log line now and then elsewhere."""
    logged = 0

    def report(records: int, position: int) -> None:
        nonlocal logged
        bar.update(position - bar.n)
        if bar.disable and records - logged >= LOG_EVERY:
            logged = records
            logger.info("importing %s: %d records", name, records)

    return report


def sentence(run: ImportRun) -> str:
    return (
        f"{run.file_name}: {run.records_done} records read, {run.accepted} accepted, {run.duplicate} there already,"
        f" {run.rejected} quarantined."
    )
