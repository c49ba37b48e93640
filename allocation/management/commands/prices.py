"""weir prices import FILE | rates FILE | diff BOOK [OTHER] | coverage: price lists, exchange rates, priced shares."""

import csv
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from allocation.coverage.queries import price_coverage
from allocation.prices import operations
from allocation.prices.documents import Basis
from allocation.prices.engine.differences import Comparison, compare_prices
from allocation.prices.importers.exchange_rates import read_rates
from allocation.prices.importers.litellm import by_reason, read_litellm
from allocation.prices.importers.price_lists import ImportedPriceList, read_csv
from allocation.prices.models import PriceBook
from allocation.prices.queries import catalogue_prices, price_book, stated_prices, unit_prices
from governance.calendar.engine import day_of, midnight
from governance.charts.engine.numbers import percent
from governance.management.arguments import operator, refusals_as_sentences, scope_at
from governance.pages.engine.spreadsheets import guarded

NAMES_SHOWN = 5


class Command(BaseCommand):
    help = "Import price lists and exchange rates, compare prices, show which usage has a price."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        importing = parts.add_parser("import", help="import a price list as the next version of a price book")
        importing.add_argument("file", type=Path)
        importing.add_argument("--format", choices=["litellm", "csv"], required=True)
        importing.add_argument("--organisation", required=True)
        importing.add_argument("--name", required=True, help="name of the price book")
        importing.add_argument(
            "--provider", action="append", default=[], metavar="NAME[=AS]",
            help="only this provider's prices, under another name if one is given; may be repeated",
        )  # fmt: skip
        importing.add_argument(
            "--effective-from", type=instant, help="a day or an instant; default: the start of today in UTC"
        )
        importing.add_argument("--currency", help="of the prices; default: USD")
        importing.add_argument("--contract", help="the agreement and its other party; left out for a published list")
        importing.add_argument("--basis", choices=["list", "contracted"], help="kind of the prices; default: list")
        importing.add_argument("--discount-percent", type=percentage, help="discount on every list price")
        importing.add_argument(
            "--zero-prices", action="store_true", help="litellm: also import models with prices of 0 only"
        )
        importing.add_argument("--report", type=Path, help="CSV file to list everything that was not imported")
        importing.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")
        rates = parts.add_parser("rates", help="import exchange rates from CSV")
        rates.add_argument("file", type=Path)
        rates.add_argument("--organisation", required=True)
        rates.add_argument("--base", default="EUR", help="base currency of a table of currencies; default: EUR")
        rates.add_argument("--source", help="who publishes the rates; default: the file's name")
        rates.add_argument("--currency", action="append", default=[], help="only this currency; may be repeated")
        rates.add_argument("--since", type=day, help="only rates from this day on")
        rates.add_argument("--dry-run", action="store_true")

        diff = parts.add_parser(
            "diff", help="list differences between two price books, versions, lists or the catalogue"
        )
        diff.add_argument("before", metavar="BOOK", help="a price book's name, or NAME@VERSION")
        diff.add_argument("after", nargs="?", metavar="OTHER", help="another price book; default: the version before")
        diff.add_argument("--catalogue", action="store_true", help="against the catalogue of genai-prices")
        diff.add_argument("--file", type=Path, help="against a price list")
        diff.add_argument("--format", choices=["litellm", "csv"], default="litellm", help="of the price list")
        diff.add_argument("--provider", action="append", default=[], metavar="NAME[=AS]", help="of the price list")
        diff.add_argument("--at", type=instant, help="the prices of this day or instant; default: now")
        diff.set_defaults(effective_from=None, zero_prices=True)
        coverage = parts.add_parser("coverage", help="show the share of usage that has a price, by source of the price")
        coverage.add_argument("--scope", help="this scope and all below it")
        coverage.add_argument("--since", type=instant, help="a day or an instant; default: thirty days ago")
        coverage.add_argument("--until", type=instant, help="not included; default: now")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        with refusals_as_sentences():
            getattr(self, f"_{options['part']}")(options)

    def _import(self, options: dict[str, Any]) -> None:
        text = read_text(options["file"])
        imported = price_list(text, options, midnight(day_of(timezone.now())))
        self._report_left_out(imported, options["report"])
        basis: Basis | None = options["basis"]
        result = operations.import_prices(
            organisation=options["organisation"],
            name=options["name"],
            entries=imported.entries,
            terms=operations.BookTerms(options["currency"], options["contract"], basis, options["discount_percent"]),
            reason=f"imported from {options['file'].name}",
            actor=operator(),
            at=timezone.now(),
            dry_run=options["dry_run"],
        )
        whole, change = result.merged, result.change
        for line in change.differences:
            self.stdout.write(f"    {line}")
        self.stdout.write(
            f"{imported.rows} rows read: {len(imported.entries)} prices of"
            f" {imported.rows - len(imported.unusable)} usable rows, {len(imported.unusable)} rows not usable."
        )
        self.stdout.write(
            f"{len(whole.added)} new, {len(whole.changed)} changed, {len(whole.unchanged)} unchanged,"
            f" {len(whole.kept)} known and not in the list (they go on)."
        )
        would = "would be " if options["dry_run"] and change.action != "unchanged" else ""
        self.stdout.write(f"PriceBook {change.name}: {would}{PAST[change.action]}.")

    def _report_left_out(self, imported: ImportedPriceList, report: Path | None) -> None:
        for row in imported.unusable:
            self.stdout.write(f"not usable: {row.name}: {row.reason}")
        for reason, fields in by_reason(imported.left_out).items():
            names = list(dict.fromkeys(left_out.field for left_out in fields))
            listed = ", ".join(names[:NAMES_SHOWN]) + (" …" if len(names) > NAMES_SHOWN else "")
            self.stdout.write(f"left out of usable rows: {len(fields)} × {listed}: {reason}")
        if report is not None:
            write_report(imported, report)

    def _rates(self, options: dict[str, Any]) -> None:
        imported = read_rates(
            read_text(options["file"]),
            base=options["base"],
            currencies=frozenset(options["currency"]),
            since=options["since"],
        )
        for row in imported.unusable:
            self.stdout.write(f"not usable: {row.name}: {row.reason}")
        change = operations.import_exchange_rates(
            organisation=options["organisation"],
            source=options["source"] or options["file"].name,
            rates=imported.rates,
            actor=operator(),
            at=timezone.now(),
            dry_run=options["dry_run"],
        )
        for line in change.differences:
            self.stdout.write(f"    {line}")
        would = "would be " if options["dry_run"] and change.action != "unchanged" else ""
        self.stdout.write(
            f"{imported.cells} rates read, {len(imported.unusable)} not usable; exchange rates of"
            f" {options['organisation']}: {would}{PAST[change.action]}."
        )

    def _diff(self, options: dict[str, Any]) -> None:
        at = options["at"] or timezone.now()
        name, _, version = options["before"].partition("@")
        book = book_named(name, version)
        before, before_name = unit_prices(book, at), f"{book}"
        if options["catalogue"]:
            after, after_name = catalogue_prices(before, at), "the catalogue"
        elif options["file"]:
            imported = price_list(read_text(options["file"]), {**options, "effective_from": at}, at)
            after, after_name = stated_prices(imported.entries, at), options["file"].name
        elif options["after"]:
            second = book_named(*options["after"].partition("@")[::2])
            after, after_name = unit_prices(second, at), f"{second}"
        else:
            former = book_named(name, str(book.version - 1))
            before, after = unit_prices(former, at), before
            before_name, after_name = f"{former}", f"{book}"
        self._report_differences(compare_prices(before, after), before_name, after_name)

    def _report_differences(self, comparison: Comparison, before: str, after: str) -> None:
        for price in comparison.changed:
            change = "" if price.percent is None else f" ({price.percent:+} %)"
            self.stdout.write(f"~ {price.key}: {written(price.before)} → {written(price.after)}{change}")
        for price in comparison.only_before:
            self.stdout.write(f"- {price.key}: {written(price.before)}")
        for price in comparison.only_after:
            self.stdout.write(f"+ {price.key}: {written(price.after)}")
        self.stdout.write(
            f"{before} against {after}: {len(comparison.changed)} differ,"
            f" {len(comparison.only_before)} only in {before}, {len(comparison.only_after)} only in {after},"
            f" {comparison.same} the same."
        )

    def _coverage(self, options: dict[str, Any]) -> None:
        until = options["until"] or timezone.now()
        since = options["since"] or until - timedelta(days=30)
        scope_id = None if options["scope"] is None else scope_at(options["scope"]).pk
        coverage = price_coverage(actor=operator(), scope_id=scope_id, since=since, until=until)
        self.stdout.write(
            f"{coverage.requests:,} requests with {coverage.tokens:,} tokens; {coverage.failed_requests:,} more failed."
        )
        requests, tokens = share(coverage.priced_requests_ratio), share(coverage.priced_tokens_ratio)
        self.stdout.write(f"Priced: {requests} of the requests, {tokens} of the tokens.")
        for source in coverage.sources:
            self.stdout.write(
                f"  {source.price_source}: {source.requests:,} requests, {source.tokens:,} tokens,"
                f" cost {written(source.cost)}"
            )
        for gap in coverage.unpriced:
            self.stdout.write(
                f"  no price: {gap.provider}/{gap.model} {gap.service_tier}: {gap.requests:,} requests,"
                f" {gap.tokens:,} tokens{_unmeasured(gap.unmeasured_requests)}"
            )
        if coverage.partly_unpriced_requests:
            self.stdout.write(
                f"Of {coverage.partly_unpriced_requests:,} requests the cost leaves out something that has no price."
            )
        for model in coverage.models:
            if model.entry:
                self.stdout.write(
                    f"  {model.provider}/{model.model} {model.service_tier}: by {model.entry} of {model.entry_source}"
                    f" ({model.matched}): {model.requests:,} requests, {model.tokens:,} tokens"
                )


def book_named(name: str, version: str) -> PriceBook:
    if version and not version.isdecimal():
        raise CommandError(f"{version!r} is no version; write NAME@3.")
    return price_book(actor=operator(), name=name, version=int(version) if version else None)


def written(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount.normalize():f}"


def share(ratio: Decimal | None) -> str:
    return "nothing" if ratio is None else percent(ratio)


PAST = {"create": "created", "update": "updated", "unchanged": "unchanged"}


def price_list(text: str, options: dict[str, Any], today: datetime) -> ImportedPriceList:
    start = options["effective_from"] or today
    renamed = dict(part.partition("=")[::2] for part in options["provider"])
    if options["format"] == "litellm":
        return read_litellm(text, effective_from=start, providers=renamed, zero_prices=options["zero_prices"])
    return read_csv(text, effective_from=start, providers=renamed)


def write_report(imported: ImportedPriceList, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("name", "field", "reason"))
        rows.writerows((guarded(row.name), "", guarded(row.reason)) for row in imported.unusable)
        rows.writerows(
            (guarded(left_out.name), guarded(left_out.field), guarded(left_out.reason))
            for left_out in imported.left_out
        )


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise CommandError(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8.") from None


def instant(text: str) -> datetime:
    """A day is taken as its first instant in UTC, an instant without a zone as UTC."""
    try:
        at = midnight(date.fromisoformat(text)) if len(text) == len("2026-01-01") else datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day or instant; write 2026-11-24 or 2026-11-24T12:00:00Z.") from None
    aware: datetime = at if at.tzinfo else at.replace(tzinfo=UTC)
    return aware


def day(text: str) -> date:
    return instant(text).date()


def percentage(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text!r} is no percentage; write 12.5.") from None


def _unmeasured(requests: int) -> str:
    return f", of which {requests:,} do not say what was used" if requests else ""
