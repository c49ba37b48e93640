"""weir outcomes import FILE | import-taubench FILE: business outcomes, or recorded agent runs."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from allocation.outcomes.importers.outcomes import import_outcomes
from allocation.outcomes.importers.taubench import BenchmarkImport, read_runs
from allocation.outcomes.operations import record_outcomes
from allocation.usage.engine.costing import IMPORT
from allocation.usage.operations import IngestResult, record_usage
from governance.calendar.engine import midnight
from governance.errors import DomainError
from governance.management.arguments import scope_at

BATCH = 2_000


class Command(BaseCommand):
    help = "Import business outcomes, or recorded agent runs with their outcomes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        importing = parts.add_parser("import", help="JSON lines, a JSON array, or CSV with a header")
        importing.add_argument("file", type=Path)
        importing.add_argument("--scope", help="the subtree the outcomes may be attributed to, and whose rules apply")
        bench = parts.add_parser("import-taubench", help="recorded runs of tau-bench: usage (estimated) and outcomes")
        bench.add_argument("file", type=Path)
        bench.add_argument("--scope", required=True, help="the agent's scope")
        bench.add_argument("--start", required=True, help="day to book the first run on, 2026-11-01")
        bench.add_argument("--benchmark", help="name of the benchmark; default: the file's name")
        bench.add_argument("--model", default="openai/gpt-4o", help="provider/model")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        try:
            if options["part"] == "import":
                self._import(options)
            else:
                self._import_runs(options)
        except (DomainError, OSError) as problem:
            raise CommandError(str(problem)) from problem

    def _import(self, options: dict[str, Any]) -> None:
        scope_id = scope_at(options["scope"]).pk if options["scope"] else None
        run = import_outcomes(options["file"], scope_id=scope_id, now=timezone.now)
        self.stdout.write(
            f"{run.file_name}: {run.records_done} outcomes read, {run.accepted} accepted, {run.duplicate} there"
            f" already, {run.rejected} quarantined."
        )

    def _import_runs(self, options: dict[str, Any]) -> None:
        scope = scope_at(options["scope"])
        provider, _, model = options["model"].partition("/")
        if not model:
            raise CommandError("--model is provider/model, such as openai/gpt-4o.")
        request = BenchmarkImport(
            scope=scope.path,
            benchmark=options["benchmark"] or options["file"].stem,
            start=read_day(options["start"]),
            provider=provider,
            model=model,
        )
        runs = read_runs(options["file"], request)
        usage = [
            record_usage(events=batch, key_scope_id=scope.pk, sent_by=IMPORT, at=timezone.now())
            for batch in batches(runs.usage)
        ]
        outcomes = [
            record_outcomes(events=batch, key_scope_id=scope.pk, sender=IMPORT, at=timezone.now())
            for batch in batches(runs.outcomes)
        ]
        self.stdout.write(f"{len(runs.outcomes)} runs. Calls: {counts_of(usage)}. Outcomes: {counts_of(outcomes)}.")


def batches(events: Sequence[Any]) -> list[list[Any]]:
    remaining = iter(events)
    return list(iter(lambda: list(islice(remaining, BATCH)), []))


def counts_of(results: Sequence[IngestResult]) -> str:
    accepted = sum(result.accepted for result in results)
    duplicate = sum(result.duplicate for result in results)
    return (
        f"{accepted} accepted, {duplicate} there already, {sum(len(result.rejected) for result in results)} quarantined"
    )


def read_day(text: str) -> datetime:
    try:
        return midnight(datetime.fromisoformat(text).date())
    except ValueError:
        raise CommandError(f"{text!r} is no day; write 2026-11-01.") from None
