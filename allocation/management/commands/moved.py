"""weir moved --scope PATH [--month 2026-10] [--against 2026-09]"""

from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from allocation.variance import queries
from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.periods import ComparedPeriod, ComparedPeriods, last_month, month
from allocation.variance.engine.words import amount, effect_steps, sentences, signed
from allocation.variance.queries import ScopeVariance
from governance.management.arguments import refusals_as_sentences, scope_at
from governance.management.tables import aligned


class Command(BaseCommand):
    help = "Why the cost of a scope changed between two months: new, ended, volume, use per task, mix, price, rates."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--scope", required=True, help="path of the scope; all below it counts")
        parser.add_argument(
            "--month", type=_month, help="2026-10; default: the last whole month; one that runs counts so far"
        )
        parser.add_argument("--against", type=_month, help="default: the month before")
        parser.add_argument("--driver", choices=[driver.value for driver in Driver], help="what volume is counted in")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        today = timezone.now().astimezone(UTC).date()
        driver = Driver(options["driver"]) if options["driver"] else None
        with refusals_as_sentences():
            periods = queries.periods_compared(options["month"] or last_month(today), options["against"], today=today)
            compared = queries.scope_variance(scope_id=scope_at(options["scope"]).pk, periods=periods, driver=driver)
        self.stdout.write("\n".join(_report(compared, periods)))


def _month(text: str) -> ComparedPeriod:
    try:
        first: date = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise CommandError(f"{text!r} is no month; write 2026-10.") from None
    return month(first)


def _report(compared: ScopeVariance, periods: ComparedPeriods) -> list[str]:
    variance, steps = compared.variance, effect_steps(compared.variance)
    counted = variance.activity.counted(variance.driver)
    rows = [["", str(periods.before), str(periods.after), "change", *(step.title.lower() for step in steps)]]
    for model in variance.models:
        name = model.model if model.status == "kept" else f"{model.model} ({model.status})"
        parts = [signed(getattr(model.effects, step.name)) for step in steps]
        rows.append([name, amount(model.cost[0]), amount(model.cost[1]), signed(model.change), *parts])
    total = ["all", amount(variance.cost[0]), amount(variance.cost[1]), signed(variance.change)]
    rows.append([*total, *(signed(step.amount) for step in steps)])
    unpriced = compared.unpriced_requests
    notes = [f"{variance.driver.value}: {counted[0]:,} to {counted[1]:,} ({variance.driver_reason})."]
    if any(unpriced):
        notes.append(f"Not in these figures: {unpriced[0]:,} unpriced requests before, {unpriced[1]:,} after.")
    return [
        f"{compared.path}, {compared.currency}",
        *sentences(variance, compared.currency, periods.note),
        *notes,
        "",
        *aligned(rows),
    ]
