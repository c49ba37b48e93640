"""weir focus import FILE… | imports | withdraw | export | check FILE: FOCUS files in, withdrawn, out, and checked."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from allocation.focus.engine.check import check
from allocation.focus.engine.columns import VERSIONS
from allocation.focus.engine.layout import EXPORTED
from allocation.focus.importers.files import opened
from allocation.focus.importers.importing import FocusImportRequest, import_focus_delivery, version_of
from allocation.focus.models import FocusImport
from allocation.focus.operations import withdraw_focus_import
from allocation.focus.queries import (
    FocusExport,
    export_for,
    focus_csv,
    import_csv,
    import_parquet,
    unpriced_lines,
    write_parquet,
)
from governance.calendar.engine import day_of, first_of_month, month_after, month_before
from governance.errors import DomainError
from governance.management.arguments import operator, scope_at
from governance.scopes.models import Scope

FINDINGS_SHOWN = 200


class Command(BaseCommand):
    help = "Import, withdraw, export or check a FOCUS file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        importing = parts.add_parser(
            "import",
            help="import a FOCUS file (CSV, gzipped CSV, or Parquet), which states its accounts' billing periods whole",
        )
        importing.add_argument("files", type=Path, nargs="+", metavar="FILE", help="several: the parts of one delivery")
        importing.add_argument(
            "--add", action="store_true", help="its rows stand beside those that are there, and replace none"
        )
        importing.add_argument(
            "--again", action="store_true", help="a file that was replaced by a later one is the statement again"
        )
        importing.add_argument("--version", choices=VERSIONS, dest="focus", help="default: recognised by its columns")
        importing.add_argument(
            "--scope", help="the subtree its rows may be attributed to; default: the only organisation"
        )
        parts.add_parser("imports", help="list the files that were imported, and what became of them")
        withdrawing = parts.add_parser("withdraw", help="take back what an import brought; the file may come again")
        withdrawing.add_argument("source", type=int, metavar="NUMBER", help="of the import")
        withdrawing.add_argument("--reason", required=True)
        export = parts.add_parser("export", help="write an organisation's charges, or one import as it was delivered")
        export.add_argument("--version", choices=EXPORTED, dest="focus", default=EXPORTED[-1])
        export.add_argument("--period", help="month, such as 2026-10; default: the last whole month")
        export.add_argument("--organisation", help="default: the only one")
        export.add_argument(
            "--import", type=int, dest="source", help="number of an import, to write it as it was delivered"
        )
        export.add_argument("--format", choices=["csv", "parquet"], default="csv")
        export.add_argument("--out", type=Path, help="default: to the terminal, for CSV")
        checking = parts.add_parser("check", help="list what in a FOCUS file does not follow FOCUS")
        checking.add_argument("file", type=Path)
        checking.add_argument("--version", choices=VERSIONS, dest="focus", help="default: recognised by its columns")
        checking.add_argument("--all", action="store_true", help=f"every finding, not the first {FINDINGS_SHOWN}")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        try:
            {
                "import": self._import,
                "imports": self._imports,
                "withdraw": self._withdraw,
                "export": self._export,
                "check": self._check,
            }[options["part"]](options)
        except (DomainError, OSError) as problem:
            raise CommandError(str(problem)) from problem

    def _import(self, options: dict[str, Any]) -> None:
        scope = scope_at(options["scope"]) if options["scope"] else only_organisation()
        requests = [
            FocusImportRequest(
                path=path, scope=scope, version=options["focus"], is_additional=options["add"], again=options["again"]
            )
            for path in options["files"]
        ]
        with tqdm(unit=" rows", disable=not sys.stderr.isatty()) as bar:

            def report(done: int, count: int) -> None:
                bar.total = count
                bar.update(done - bar.n)

            runs = import_focus_delivery(requests, now=timezone.now, progress=report)
        for run in runs:
            self.stdout.write(sentence(run))

    def _imports(self, options: dict[str, Any]) -> None:
        del options
        for run in FocusImport.objects.order_by("pk"):
            self.stdout.write(sentence(run))

    def _withdraw(self, options: dict[str, Any]) -> None:
        run = withdraw_focus_import(
            import_id=options["source"], reason=options["reason"], actor=operator(), at=timezone.now()
        )
        self.stdout.write(sentence(run))

    def _export(self, options: dict[str, Any]) -> None:
        if options["source"] is not None:
            source = FocusImport.objects.filter(pk=options["source"]).first()
            if source is None:
                raise CommandError(f"There is no import {options['source']}.")
            self._write(options, import_csv(source), lambda out: import_parquet(source, out))
            return
        organisation = organisation_at(options["organisation"]) if options["organisation"] else only_organisation()
        since, until = read_month(options["period"]) if options["period"] else last_month(timezone.now())
        export = export_for(
            actor=operator(), organisation_id=organisation.pk, since=since, until=until, version=options["focus"]
        )
        self._write(options, focus_csv(export), lambda out: write_parquet(export, out))
        self._report_unpriced(export)

    def _write(self, options: dict[str, Any], pieces: Iterator[bytes], parquet: Any) -> None:
        out: Path | None = options["out"]
        if options["format"] == "parquet":
            if out is None:
                raise CommandError("--format parquet needs --out.")
            parquet(out)
        elif out is None:
            for piece in pieces:
                self.stdout.write(piece.decode(), ending="")
        else:
            with out.open("wb") as file:
                write_all(pieces, file)

    def _report_unpriced(self, export: FocusExport) -> None:
        count = unpriced_lines(export)
        if count:
            self.stderr.write(
                f"{count} charge lines have no price and are not in the file;"
                " GET /api/v1/usage?unpriced=true lists their usage records."
            )

    def _check(self, options: dict[str, Any]) -> None:
        with opened(options["file"]) as file:
            columns = file.table.columns
            version = version_of(columns, options["focus"], options["file"].name)
            rows = (dict(zip(columns, cells, strict=False)) for cells in file.rows())
            findings = check(version, rows, columns)
            counts: Counter[str] = Counter()
            reported = findings if options["all"] else islice(findings, FINDINGS_SHOWN)
            for finding in reported:
                counts[finding.rule] += 1
                place = "columns" if finding.row is None else f"row {finding.row}"
                self.stdout.write(f"{place}: {finding.column}: {finding.rule} ({finding.level}): {finding.sentence}")
            for finding in findings:
                counts[finding.rule] += 1
        count = sum(counts.values())
        self.stdout.write(f"FOCUS {version}, {file.table.count} rows: {count} findings.")
        for rule, times in counts.most_common():
            self.stdout.write(f"{times} {rule}")
        if count:
            raise CommandError(f"{options['file'].name} does not follow FOCUS {version}.", returncode=1)


def write_all(pieces: Iterator[bytes], file: IO[bytes]) -> None:
    for piece in pieces:
        file.write(piece)


def only_organisation() -> Scope:
    organisations = list(Scope.objects.filter(parent=None)[:2])
    if len(organisations) != 1:
        raise CommandError("There is more than one organisation, or none: name it.")
    return organisations[0]


def organisation_at(path: str) -> Scope:
    scope = scope_at(path)
    if scope.parent_id is not None:
        raise CommandError(f"{path} is no organisation.")
    return scope


def read_month(text: str) -> tuple[date, date]:
    try:
        start = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise CommandError(f"{text!r} is no month; write 2026-10.") from None
    return start, month_after(start)


def last_month(now: datetime) -> tuple[date, date]:
    today = day_of(now)
    return month_before(today), first_of_month(today)


def sentence(run: FocusImport) -> str:
    told = (
        f"{run.file_name}: FOCUS {run.version}, {run.rows_done} rows: {run.charges} charges, {run.used} of them counted"
        f" as usage too, {run.repeats} there already, {run.quarantined} quarantined. Import {run.pk}."
    )
    if run.withdrawn_at is not None:
        return f"{told} Withdrawn on {run.withdrawn_at:%F}: {run.withdrawal_reason}"
    if run.replaced_by_id is not None:
        return f"{told} Replaced by import {run.replaced_by_id}; --again makes it the statement."
    replaced = FocusImport.objects.filter(replaced_by=run).order_by("pk").values_list("pk", flat=True)
    numbers = ", ".join(str(number) for number in replaced)
    return f"{told} It replaces import {numbers}; with --add it would stand beside." if numbers else told
