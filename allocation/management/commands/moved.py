"""weir moved --scope PATH [--month 2026-10] [--against 2026-09]"""

from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from allocation.variance import queries
from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.periods import Period, Periods, last_month, month, period_before
from allocation.variance.engine.words import amount, sentences, signed, steps
from allocation.variance.queries import ScopeVariance
from governance.management.arguments import refusals_as_sentences, scope_at


class Command(BaseCommand):
    help = "Why the cost of a scope changed between two months: volume, use per task, mix, price."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--scope", required=True, help="path of the scope; all below it counts")
        parser.add_argument("--month", type=_month, help="2026-10; default: the last whole month")
        parser.add_argument("--against", type=_month, help="default: the month before")
        parser.add_argument("--driver", choices=[driver.value for driver in Driver], help="what volume is counted in")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        after: Period = options["month"] or last_month(timezone.now().astimezone(UTC).date())
        periods = Periods(options["against"] or period_before(after), after)
        driver = Driver(options["driver"]) if options["driver"] else None
        with refusals_as_sentences():
            found = queries.scope_variance(scope_id=scope_at(options["scope"]).pk, periods=periods, driver=driver)
        self.stdout.write("\n".join(_told(found, periods)))


def _month(text: str) -> Period:
    try:
        first: date = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise CommandError(f"{text!r} is no month; write 2026-10.") from None
    return month(first)


def _told(found: ScopeVariance, periods: Periods) -> list[str]:
    moved, told = found.variance, steps(found.variance)
    counted = moved.activity.counted(moved.driver)
    rows = [["", str(periods.before), str(periods.after), "change", *(step.title.lower() for step in told)]]
    for one in moved.models:
        name = one.model if one.status == "kept" else f"{one.model} ({one.status})"
        parts = [signed(getattr(one.effects, step.name)) for step in told]
        rows.append([name, amount(one.cost[0]), amount(one.cost[1]), signed(one.change), *parts])
    total = ["all", amount(moved.cost[0]), amount(moved.cost[1]), signed(moved.change)]
    rows.append([*total, *(signed(step.amount) for step in told)])
    unpriced = found.unpriced_requests
    notes = [f"{moved.driver.value}: {counted[0]:,} to {counted[1]:,} ({moved.driver_reason})."]
    if any(unpriced):
        notes.append(f"Not in these figures: {unpriced[0]:,} unpriced requests before, {unpriced[1]:,} after.")
    return [f"{found.path}, {found.currency}", *sentences(moved, found.currency), *notes, "", *_table(rows)]


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in enumerate(pairs))
        for pairs in ([(row[place], widths[place]) for place in range(len(widths))] for row in rows)
    ]
