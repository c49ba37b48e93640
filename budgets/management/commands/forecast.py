"""weir forecast [--scope PATH] [--unit money]"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from budgets.forecasts.models import Forecast
from budgets.forecasts.operations import make_forecasts
from budgets.plans.engine.amounts import UNITS, rounded
from governance.management.arguments import refusals_as_sentences, scope_at
from governance.management.tables import aligned

HEAD = ("days", "low", "mid", "high", "budget", "error", "last week's", "CRPS ratio", "in 80 %")


class Command(BaseCommand):
    help = "Forecast what scopes will use: the rest of the budget's period, or of the month, and three months."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--scope", help="path of one scope; without it all are forecast, and only counted here")
        parser.add_argument("--unit", choices=UNITS, default="money", help="what is shown of the scope")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        at = timezone.now()
        if not options["scope"]:
            with tqdm(unit=" scopes", desc="forecasting", disable=None) as bar:
                count = make_forecasts(at=at, progress=lambda _organisation, scopes: bar.update(scopes))
            self.stdout.write(f"{count:,} forecasts made.")
            return
        with refusals_as_sentences():
            scope = scope_at(options["scope"])
        make_forecasts(at=at, scope_ids=[scope.pk])
        rows = Forecast.objects.filter(scope=scope, unit=options["unit"]).made_last().order_by("starts_on")
        self.stdout.write("\n".join(_report(scope.path, options["unit"], list(rows))))


def _report(path: str, unit: str, rows: list[Forecast]) -> list[str]:
    if not rows:
        return [f"{path} has used nothing of late and has no budget in {unit}: there is nothing to forecast."]
    first = rows[0]
    return [path, first.words or first.reason, "", *aligned([HEAD, *(_cells(row) for row in rows)])]


def _cells(row: Forecast) -> tuple[str, ...]:
    amounts = (row.low, row.mid, row.high, row.budgeted)
    shares = (row.wape, row.naive_wape)
    return (
        f"{row.starts_on} to {row.ends_on}",
        *("–" if amount is None else rounded(row.unit, amount, row.currency) for amount in amounts),
        *("–" if share is None else f"{share:.0%}" for share in shares),
        "–" if row.crps_ratio is None else f"{row.crps_ratio:.2f}",
        "–" if row.coverage is None else f"{row.coverage:.0%}",
    )
