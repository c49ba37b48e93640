"""weir unit-economics --scope PATH [--month 2026-11 | --from DAY --to DAY] [--trend day|week|month]"""

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from datetime import UTC, date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from allocation.unit_economics.engine.unit_words import formatted, words_of
from allocation.unit_economics.queries import Figure, UnitEconomics, unit_economics
from governance.calendar.engine import DAY, first_of_month, month_after
from governance.charts.engine.numbers import percent_change, quantity
from governance.management.arguments import refusals_as_sentences, scope_at
from governance.management.tables import aligned

HEAD = ("", "value", "from", "of", "accepted", "deviation")


class Command(BaseCommand):
    help = "The unit costs of a scope with all below it: per inference, token, task and outcome."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--scope", required=True)
        parser.add_argument("--month", help="2026-11; default: the current one")
        parser.add_argument("--from", dest="since", help="first UTC day, instead of a month")
        parser.add_argument("--to", dest="until", help="UTC day after the last")
        parser.add_argument(
            "--trend", choices=["day", "week", "month"], help="also the unit costs of each day, week or month"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        since, until = period_of(options, timezone.now().astimezone(UTC).date())
        with refusals_as_sentences():
            economics = unit_economics(
                scope_id=scope_at(options["scope"]).pk, since=since, until=until, trend=options["trend"] or "month"
            )
        self.stdout.write(
            f"{economics.scope.path}, {since} to {until - DAY}: {economics.cost:,.2f} {economics.scope.currency}"
        )
        self._table([HEAD, *(line_of(figure, economics) for figure in all_figures(economics))])
        for outcome in economics.outcomes:
            quality = "" if outcome.quality.value is None else f", mean quality {outcome.quality.value:.3f}"
            self.stdout.write(
                f"{outcome.kind} {outcome.name}: {outcome.sums.count:,}, {outcome.sums.successful:,} successful,"
                f" {outcome.sums.flagged:,} flagged{quality}"
            )
        if options["trend"]:
            days = [since.isoformat() for since, _ in economics.trend_periods]
            self._table([("from", *days), *(trend_of(figure) for figure in economics.unit_costs)])

    def _table(self, rows: Sequence[Sequence[str]]) -> None:
        for line in aligned(rows):
            self.stdout.write(line)


def all_figures(economics: UnitEconomics) -> Iterable[Figure]:
    return (*economics.unit_costs, *economics.efficiency, *economics.shares, *economics.coverage)


def line_of(figure: Figure, economics: UnitEconomics) -> tuple[str, ...]:
    words, ratio = words_of(figure.measure), figure.ratio
    if ratio.value is None:
        return (words.title, "none", ratio.reason, "", "", "")
    accepted = "" if figure.target is None else f"{figure.target.amount.normalize():f}"
    deviation = "" if figure.deviation is None else percent_change(figure.deviation)
    unit = f" {economics.scope.currency}" if words.value_format == "money" else ""
    return (
        words.title,
        f"{formatted(words, ratio.value)}{unit}",
        quantity(ratio.numerator),
        quantity(ratio.denominator),
        accepted,
        deviation,
    )


def trend_of(figure: Figure) -> tuple[str, ...]:
    words = words_of(figure.measure)
    return (words.title, *("–" if ratio.value is None else formatted(words, ratio.value) for ratio in figure.trend))


def period_of(options: dict[str, Any], today: date) -> tuple[date, date]:
    if options["since"] or options["until"]:
        first = read_day(options["since"]) if options["since"] else first_of_month(today)
        return first, read_day(options["until"]) if options["until"] else today + DAY
    first = read_day(f"{options['month']}-01") if options["month"] else first_of_month(today)
    return first, month_after(first)


def read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is no day; write 2026-11-01 (a month: 2026-11).") from None
