"""weir usage import FILE | imports | withdraw | replay | rerate: usage from files, quarantined records, new prices."""

import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from allocation.corrections.operations import Settlement, rerate_usage, settle_import, withdraw_import
from allocation.focus.operations import WaitingCharges, count_waiting_charges
from allocation.replay.operations import replay_quarantined
from allocation.sources.documents import PRICES
from allocation.usage.importers.files import (
    Format,
    ImportRequest,
    Progress,
    import_file,
    load_mapping,
    mapping_path,
    shipped_for,
)
from allocation.usage.models import ImportRun
from governance.calendar.engine import midnight
from governance.errors import DomainError
from governance.management.arguments import operator, scope_at
from governance.memory.engine import collect_cycles_seldom
from governance.scopes.queries import scope_tree

logger = logging.getLogger(__name__)
LOG_EVERY = 100_000
# Formats that need a mapping; the format named in the mapping applies.
MAPPED = ("csv", "jsonl", "json", "parquet")


class Command(BaseCommand):
    help = "Import usage from a file, replay quarantined records, or price recorded usage again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        importing = parts.add_parser("import", help="import usage from a file")
        importing.add_argument("file", type=Path)
        importing.add_argument(
            "--format", choices=["native", "litellm", "litellm-spend-log", *MAPPED], default="native"
        )
        importing.add_argument(
            "--mapping",
            help="YAML file that names the columns, or a mapping that comes with Weir, such as openai-completions",
        )
        importing.add_argument("--scope", help="the subtree the usage may be attributed to, and whose rules apply")
        importing.add_argument("--source", help="replaces the source named in the records or the mapping")
        importing.add_argument(
            "--price",
            choices=PRICES,
            help="whose price: the sender's, the catalogue's, or the sender's where the catalogue has none",
        )
        importing.add_argument(
            "--add",
            action="store_true",
            dest="is_additional",
            help="a part, which stands beside what earlier files said of the same accounts and days",
        )
        parts.add_parser("imports", help="list the files that were imported, and what became of them")
        withdrawing = parts.add_parser("withdraw", help="take back what an import brought; the file may come again")
        withdrawing.add_argument("number", type=int, metavar="NUMBER", help="of the import")
        withdrawing.add_argument("--reason", required=True)
        replay = parts.add_parser("replay", help="try quarantined records, and charges that were not counted, again")
        replay.add_argument("--code", help="only records refused with this code")
        replay.add_argument("--id", type=int, action="append", dest="ids", help="only this record; may be repeated")
        replay.add_argument("--dry-run", action="store_true")
        replay.add_argument(
            "--accept-costs", action="store_true", help="count records held for their stated cost at that cost"
        )
        replay.add_argument("--reason", default="", help="why the stated costs are right; goes on record")

        rerate = parts.add_parser("rerate", help="price recorded usage again by the current price books")
        rerate.add_argument("--organisation", required=True)
        rerate.add_argument("--since", required=True, type=day, help="first UTC day, 2026-10-01")
        rerate.add_argument("--until", required=True, type=day, help="UTC day after the last")
        rerate.add_argument("--reason", required=True)
        rerate.add_argument("--model", help="only usage of this model")
        rerate.add_argument("--dry-run", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        try:
            {
                "import": self._import,
                "imports": self._imports,
                "withdraw": self._withdraw,
                "rerate": self._rerate,
                "replay": self._replay,
            }[options["part"]](options)
        except (DomainError, OSError) as problem:
            raise CommandError(f"{problem}{hint(problem)}") from problem

    def _import(self, options: dict[str, Any]) -> None:
        collect_cycles_seldom()
        request = request_of(options)
        size = request.path.stat().st_size
        with tqdm(total=size, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
            run = import_file(request, now=timezone.now, progress=reporter(request.path.name, bar))
        settled = settle_import(
            import_id=run.pk, actor=operator(), at=timezone.now(), is_additional=options["is_additional"]
        )
        self.stdout.write(f"{sentence(run)}{replacing(settled)}")

    def _imports(self, options: dict[str, Any]) -> None:
        del options
        for run in ImportRun.objects.order_by("pk"):
            withdrawn = f" Withdrawn on {run.withdrawn_at:%F}: {run.withdrawal_reason}" if run.withdrawn_at else ""
            self.stdout.write(f"{run.pk}  {run.started_at:%F}  {sentence(run)}{withdrawn}")

    def _withdraw(self, options: dict[str, Any]) -> None:
        run = withdraw_import(
            import_id=options["number"], reason=options["reason"], actor=operator(), at=timezone.now()
        )
        self.stdout.write(f"{run.file_name} is withdrawn; what only it brought counts no more.")

    def _replay(self, options: dict[str, Any]) -> None:
        result = replay_quarantined(
            actor=operator(),
            ids=options["ids"],
            code=options["code"],
            dry_run=options["dry_run"],
            accept_costs=options["accept_costs"],
            reason=options["reason"],
            at=timezone.now(),
        )
        waiting = (
            WaitingCharges(0, {})
            if options["ids"]
            else count_waiting_charges(
                actor=operator(), code=options["code"], dry_run=options["dry_run"], at=timezone.now()
            )
        )
        would = "would be accepted (or are there already)" if options["dry_run"] else "accepted"
        self.stdout.write(f"{result.accepted + waiting.counted} {would}, {result.duplicate} there already.")
        for code, count in sorted((Counter(result.remaining) + Counter(waiting.remaining)).items()):
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


def request_of(options: dict[str, Any]) -> ImportRequest:
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
    """Reports progress on a bar where there is a terminal, else in a log line per 100,000 records."""
    logged = 0

    def report(records: int, position: int) -> None:
        nonlocal logged
        bar.update(position - bar.n)
        if bar.disable and records - logged >= LOG_EVERY:
            logged = records
            logger.info("importing %s: %d records", name, records)

    return report


def hint(problem: Exception) -> str:
    """Mappings that ship and fit a file of another layout."""
    columns = problem.extra.get("columns") if isinstance(problem, DomainError) else None
    fitting = shipped_for(columns) if isinstance(columns, list) else []
    return f" It looks like {' or '.join(fitting)}." if fitting else ""


def sentence(run: ImportRun) -> str:
    unpriced = f", {run.unpriced} of the accepted without a price" if run.unpriced else ""
    return (
        f"{run.file_name}: {run.records_done} records read, {run.accepted} accepted, {run.duplicate} there already,"
        f" {run.rejected} quarantined, {run.passed_over} passed over; {run.counted or 'no money'} counted{unpriced}."
    )


def replacing(settled: Settlement) -> str:
    said = ""
    if settled.replaced:
        numbers = ", ".join(str(number) for number in settled.replaced)
        said = f" It replaces what import {numbers} said of the same time; with --add it would stand beside."
    if settled.kept:
        named = " and ".join(f"{month.start:%B %Y}" for month in settled.kept)
        said += (
            f" {named} stays as it was stated before: its records were deleted after their retention. Send a difference"
            " as a record of today, below zero for what was too much."
        )
    return said
