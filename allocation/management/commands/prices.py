"""weir prices import FILE | rates FILE | diff BOOK [OTHER] | coverage"""

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

NAMES_SHOWN = 5


class Command(BaseCommand):
    help = "Bring price lists and exchange rates in, compare prices, see what is priced by whom."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        bring = parts.add_parser("import", help="bring a price list in as the next version of a price book")
        bring.add_argument("file", type=Path)
        bring.add_argument("--format", choices=["litellm", "csv"], required=True)
        bring.add_argument("--organisation", required=True)
        bring.add_argument("--name", required=True, help="the price book's")
        bring.add_argument(
            "--provider", action="append", default=[], metavar="NAME[=AS]",
            help="only this provider's prices, under another name if one is given; may be repeated",
        )  # fmt: skip
        bring.add_argument("--effective-from", type=instant, help="a day or an instant; today's first instant without")
        bring.add_argument("--currency", help="of the prices; USD without")
        bring.add_argument("--contract", help="with whom and what was agreed; none: a published list")
        bring.add_argument("--basis", choices=["list", "contracted"], help="what the prices are; list without")
        bring.add_argument("--discount-percent", type=percentage, help="taken off every list price")
        bring.add_argument("--zero-prices", action="store_true", help="litellm: take models of which every price is 0")
        bring.add_argument("--report", type=Path, help="write what was not taken into this CSV, one by one")
        bring.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")
        rates = parts.add_parser("rates", help="bring exchange rates in from CSV")
        rates.add_argument("file", type=Path)
        rates.add_argument("--organisation", required=True)
        rates.add_argument("--base", default="EUR", help="the currency that a table of currencies is for; EUR without")
        rates.add_argument("--source", help="who states the rates; the file's name without")
        rates.add_argument("--currency", action="append", default=[], help="only this one; may be repeated")
        rates.add_argument("--since", type=day, help="only rates from this day on")
        rates.add_argument("--dry-run", action="store_true")

        differ = parts.add_parser("diff", help="what differs between two price books, versions, lists or the catalogue")
        differ.add_argument("before", metavar="BOOK", help="a price book's name, or NAME@VERSION")
        differ.add_argument("after", nargs="?", metavar="OTHER", help="another one; the version before without")
        differ.add_argument("--catalogue", action="store_true", help="against the catalogue of genai-prices")
        differ.add_argument("--file", type=Path, help="against a price list")
        differ.add_argument("--format", choices=["litellm", "csv"], default="litellm", help="of the price list")
        differ.add_argument("--provider", action="append", default=[], metavar="NAME[=AS]", help="of the price list")
        differ.add_argument("--at", type=instant, help="the prices of this day or instant; now without")
        differ.set_defaults(effective_from=None, zero_prices=True)
        cover = parts.add_parser("coverage", help="how much of what was used has a price, and by whom")
        cover.add_argument("--scope", help="this scope and all below it")
        cover.add_argument("--since", type=instant, help="a day or an instant; thirty days ago without")
        cover.add_argument("--until", type=instant, help="not included; now without")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        with refusals_as_sentences():
            getattr(self, f"_{options['part']}")(options)

    def _import(self, options: dict[str, Any]) -> None:
        text = read_text(options["file"])
        found = price_list(text, options, midnight(day_of(timezone.now())))
        self._tell_not_taken(found, options["report"])
        basis: Basis | None = options["basis"]
        result = operations.import_prices(
            organisation=options["organisation"],
            name=options["name"],
            entries=found.entries,
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
            f"{found.rows} rows read: {len(found.entries)} prices of {found.rows - len(found.unusable)} usable rows,"
            f" {len(found.unusable)} rows not usable."
        )
        self.stdout.write(
            f"{len(whole.added)} new, {len(whole.changed)} changed, {len(whole.unchanged)} unchanged,"
            f" {len(whole.kept)} known and not in the list (they go on)."
        )
        would = "would be " if options["dry_run"] and change.action != "unchanged" else ""
        self.stdout.write(f"PriceBook {change.name}: {would}{PAST[change.action]}.")

    def _tell_not_taken(self, found: ImportedPriceList, report: Path | None) -> None:
        for row in found.unusable:
            self.stdout.write(f"not usable: {row.name}: {row.reason}")
        for reason, fields in by_reason(found.left_out).items():
            names = list(dict.fromkeys(one.field for one in fields))
            shown = ", ".join(names[:NAMES_SHOWN]) + (" …" if len(names) > NAMES_SHOWN else "")
            self.stdout.write(f"left out of usable rows: {len(fields)} × {shown}: {reason}")
        if report is not None:
            write_report(found, report)

    def _rates(self, options: dict[str, Any]) -> None:
        found = read_rates(
            read_text(options["file"]),
            base=options["base"],
            currencies=frozenset(options["currency"]),
            since=options["since"],
        )
        for row in found.unusable:
            self.stdout.write(f"not usable: {row.name}: {row.reason}")
        change = operations.import_exchange_rates(
            organisation=options["organisation"],
            source=options["source"] or options["file"].name,
            rates=found.rates,
            actor=operator(),
            at=timezone.now(),
            dry_run=options["dry_run"],
        )
        for line in change.differences:
            self.stdout.write(f"    {line}")
        would = "would be " if options["dry_run"] and change.action != "unchanged" else ""
        self.stdout.write(
            f"{found.cells} rates read, {len(found.unusable)} not usable; exchange rates of"
            f" {options['organisation']}: {would}{PAST[change.action]}."
        )

    def _diff(self, options: dict[str, Any]) -> None:
        at = options["at"] or timezone.now()
        name, _, version = options["before"].partition("@")
        book = book_named(name, version)
        before, others = unit_prices(book, at), f"{book}"
        if options["catalogue"]:
            after, other = catalogue_prices(before, at), "the catalogue"
        elif options["file"]:
            found = price_list(read_text(options["file"]), {**options, "effective_from": at}, at)
            after, other = stated_prices(found.entries, at), options["file"].name
        elif options["after"]:
            second = book_named(*options["after"].partition("@")[::2])
            after, other = unit_prices(second, at), f"{second}"
        else:
            former = book_named(name, str(book.version - 1))
            before, after, others, other = unit_prices(former, at), before, f"{former}", f"{book}"
        self._tell_differences(compare_prices(before, after), others, other)

    def _tell_differences(self, found: Comparison, before: str, after: str) -> None:
        for one in found.changed:
            change = "" if one.percent is None else f" ({one.percent:+} %)"
            self.stdout.write(f"~ {one.key}: {written(one.before)} → {written(one.after)}{change}")
        for one in found.only_before:
            self.stdout.write(f"- {one.key}: {written(one.before)}")
        for one in found.only_after:
            self.stdout.write(f"+ {one.key}: {written(one.after)}")
        self.stdout.write(
            f"{before} against {after}: {len(found.changed)} differ, {len(found.only_before)} only in {before},"
            f" {len(found.only_after)} only in {after}, {found.same} the same."
        )

    def _coverage(self, options: dict[str, Any]) -> None:
        until = options["until"] or timezone.now()
        since = options["since"] or until - timedelta(days=30)
        scope_id = None if options["scope"] is None else scope_at(options["scope"]).pk
        found = price_coverage(actor=operator(), scope_id=scope_id, since=since, until=until)
        self.stdout.write(
            f"{found.requests:,} requests with {found.tokens:,} tokens; {found.failed_requests:,} more failed."
        )
        requests, tokens = share(found.priced_requests_ratio), share(found.priced_tokens_ratio)
        self.stdout.write(f"Priced: {requests} of the requests, {tokens} of the tokens.")
        for source in found.sources:
            self.stdout.write(
                f"  {source.price_source}: {source.requests:,} requests, {source.tokens:,} tokens,"
                f" cost {written(source.cost)}"
            )
        for gap in found.unpriced:
            self.stdout.write(
                f"  no price: {gap.provider}/{gap.model} {gap.service_tier}: {gap.requests:,} requests,"
                f" {gap.tokens:,} tokens"
            )


def book_named(name: str, version: str) -> PriceBook:
    if version and not version.isdecimal():
        raise CommandError(f"{version!r} is no version; write NAME@3.")
    return price_book(actor=operator(), name=name, version=int(version) if version else None)


def written(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount.normalize():f}"


def share(ratio: Decimal | None) -> str:
    return "nothing" if ratio is None else percent(ratio, places=2)


PAST = {"create": "created", "update": "updated", "unchanged": "unchanged"}


def price_list(text: str, options: dict[str, Any], today: datetime) -> ImportedPriceList:
    start = options["effective_from"] or today
    renamed = dict(part.partition("=")[::2] for part in options["provider"])
    if options["format"] == "litellm":
        return read_litellm(text, effective_from=start, providers=renamed, zero_prices=options["zero_prices"])
    return read_csv(text, effective_from=start, providers=renamed)


def write_report(found: ImportedPriceList, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("name", "field", "reason"))
        rows.writerows((row.name, "", row.reason) for row in found.unusable)
        rows.writerows((one.name, one.field, one.reason) for one in found.left_out)


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise CommandError(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8.") from None


def instant(text: str) -> datetime:
    """A day means its first instant in UTC; what has no zone is UTC."""
    try:
        at = midnight(date.fromisoformat(text)) if len(text) == len("2026-01-01") else datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day or instant; write 2026-11-24 or 2026-11-24T12:00:00Z.") from None
    found: datetime = at if at.tzinfo else at.replace(tzinfo=UTC)
    return found


def day(text: str) -> date:
    return instant(text).date()


def percentage(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text!r} is no percentage; write 12.5.") from None
