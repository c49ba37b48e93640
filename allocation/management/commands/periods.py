"""weir periods list | close: closed months of organisations."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from allocation.billing_periods import operations
from allocation.billing_periods.models import BillingPeriod
from governance.management.arguments import operator, refusals_as_sentences, scope_at


class Command(BaseCommand):
    help = "Close a month of an organisation, or list the closed months."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        parts.add_parser("list", help="list the closed months")
        close = parts.add_parser("close", help="close a month that is over; its figures do not change from then on")
        close.add_argument("--organisation", required=True)
        close.add_argument("--month", required=True, help="2026-10")
        close.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        if options["part"] == "list":
            for period in BillingPeriod.objects.select_related("organisation").order_by("organisation__path", "start"):
                self.stdout.write(f"{period.organisation} {period} closed {period.closed_at:%F} by {period.closed_by}")
            return
        with refusals_as_sentences():
            period = operations.close_period(
                organisation=scope_at(options["organisation"]),
                month=operations.month_named(options["month"]),
                reason=options["reason"],
                actor=operator(),
                at=timezone.now(),
            )
        self.stdout.write(f"{period.organisation} is closed until {period.end}.")
