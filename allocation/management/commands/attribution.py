"""weir attribution validate FILE | preview FILE | coverage | reapply: rules, their effect, and the share attributed."""

from argparse import ArgumentParser
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.queries import organisation_seen
from allocation.corrections import operations
from allocation.coverage import queries
from allocation.coverage.engine.coverage import AttributedShare, UsageTotals
from allocation.coverage.operations import PREVIEW_DAYS, Preview, preview_attribution
from governance.calendar.engine import DAY, day_of, midnight
from governance.charts.engine.numbers import money, percent
from governance.documents import load_documents, parse_document
from governance.errors import DomainError
from governance.management.arguments import operator, refusals_as_sentences

KIND = "AttributionRules"
DOCUMENT: TypeAdapter[AttributionRulesDocument] = TypeAdapter(AttributionRulesDocument)


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Show what attribution rules would move, and how much of the cost is attributed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        validate = parts.add_parser("validate", help="parse and type-check documents; needs no database")
        validate.add_argument("file", type=Path, nargs="+")
        preview = parts.add_parser("preview", help="show what proposed rules would move in recorded usage")
        preview.add_argument("file", type=Path, help="AttributionRules documents of one organisation")
        preview.add_argument("--limit", type=int, default=20, help="movements shown")
        reapply = parts.add_parser("reapply", help="attribute recorded usage again by the rules in force")
        reapply.add_argument("--organisation", required=True)
        reapply.add_argument("--reason", required=True, help="kept with the decision record")
        reapply.add_argument("--dry-run", action="store_true", help="show what would move, and change nothing")
        reapply.add_argument("--limit", type=int, default=20, help="movements shown")
        coverage = parts.add_parser("coverage", help="the share of cost and requests that is attributed")
        coverage.add_argument("--organisation", help="default: every organisation")
        coverage.add_argument("--by", choices=queries.GROUPINGS, default="month")
        for part in (preview, reapply, coverage):
            part.add_argument("--since", type=day, help=f"first UTC day; default: {PREVIEW_DAYS} days before --until")
            part.add_argument("--until", type=day, help="UTC day after the last; default: tomorrow")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        if options["part"] == "validate":
            self._validate(options["file"])
            return
        now = timezone.now()
        until = options["until"] or midnight(day_of(now) + DAY)
        since = options["since"] or until - timedelta(days=PREVIEW_DAYS)
        with refusals_as_sentences():
            match options["part"]:
                case "preview":
                    self._preview(options, since, until, now)
                case "reapply":
                    self._reapply(options, since, until, now)
                case _:
                    self._coverage(options, since, until)

    def _validate(self, files: list[Path]) -> None:
        faults = 0
        for file in files:
            try:
                for document in read(file):
                    keys, rules = len(document.spec.keys or ()), len(document.spec.rules)
                    self.stdout.write(f"{file}: {document.metadata.name} is valid: {keys} keys, {rules} rules")
            except DomainError as refused:
                faults += 1
                self.stderr.write(refused.detail)
        if faults:
            raise CommandError(f"{faults} file(s) are not valid.")

    def _preview(self, options: dict[str, Any], since: datetime, until: datetime, now: datetime) -> None:
        documents = read(options["file"])
        preview = preview_attribution(documents=documents, since=since, until=until, actor=operator(), at=now)
        for line in preview_lines(preview, options["limit"]):
            self.stdout.write(line)

    def _reapply(self, options: dict[str, Any], since: datetime, until: datetime, now: datetime) -> None:
        outcome = operations.reattribute_usage(
            organisation=options["organisation"],
            since=since,
            until=until,
            reason=options["reason"],
            actor=operator(),
            at=now,
            dry_run=options["dry_run"],
        )
        for line in preview_lines(outcome.preview, options["limit"]):
            self.stdout.write(line)
        if outcome.run is not None:
            self.stdout.write(f"{outcome.run.records:,} records moved; adjustment run {outcome.run.pk}.")
        else:
            self.stdout.write("Nothing was written.")

    def _coverage(self, options: dict[str, Any], since: datetime, until: datetime) -> None:
        path = options["organisation"]
        ids = None if path is None else [organisation_seen(path, operator()).id]
        rows = queries.attribution_coverage(
            actor=operator(), since=since, until=until, by=options["by"], organisation_ids=ids
        )
        for row in rows:
            self.stdout.write(f"{row.path} {since:%F} to {until:%F}: {covered(row.whole, row.currency)}")
            for part in row.parts:
                self.stdout.write(f"  {part.name}: {covered(part.coverage, row.currency)}, {percent(part.share)} of it")


def read(file: Path) -> list[AttributionRulesDocument]:
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem.strerror}") from None
    documents = [loaded for loaded in load_documents(content, source=str(file)) if loaded.data.get("kind") == KIND]
    if not documents:
        raise CommandError(f"{file} holds no document of kind {KIND}.")
    return [parse_document(DOCUMENT, loaded) for loaded in documents]


def preview_lines(preview: Preview, limit: int) -> list[str]:
    moves, currency = preview.moves, preview.organisation.currency
    lines = [f"{change.kind} {change.name}: {change.action}" for change in preview.changes]
    lines.append(
        f"{preview.organisation.path} {preview.since:%F} to {preview.until:%F}: {amounts(moves.moved, currency)} of"
        f" {amounts(moves.used, currency)} would move ({percent(moves.moved_ratio)} of cost)."
    )
    lines.append(f"Attributed before: {covered(moves.before, currency)}")
    lines.append(f"Attributed after:  {covered(moves.after, currency)}")
    lines += [
        f"  {move.from_scope} -> {move.to_scope}: {amounts(move.used, currency)}, {percent(move.share)}"
        for move in preview.movements[:limit]
    ]
    if len(preview.movements) > limit:
        lines.append(f"  … and {len(preview.movements) - limit} more movements")
    if moves.unused:
        more = f" and {len(moves.unused) - limit} more" if len(moves.unused) > limit else ""
        lines.append(f"Would place no record: {', '.join(moves.unused[:limit])}{more}")
    return lines


def amounts(used: UsageTotals, currency: str) -> str:
    return f"{used.records:,} records, {used.tokens:,} tokens, {money(used.cost, currency)}"


def covered(coverage: AttributedShare, currency: str) -> str:
    return (
        f"{percent(coverage.cost_ratio)} of {money(coverage.used.cost, currency)},"
        f" {percent(coverage.request_ratio)} of {coverage.used.requests:,} requests ({coverage.maturity})"
    )


def day(text: str) -> datetime:
    """Midnight UTC of the day; argparse reports the ValueError of any other text."""
    return midnight(date.fromisoformat(text))
