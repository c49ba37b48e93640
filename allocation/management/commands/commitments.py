"""weir commitments --organisation acme [--month 2026-10]: what each commitment came to, in one sentence."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from allocation.commitments.engine.words import sentence
from allocation.commitments.queries import commitments_in
from allocation.meters.engine.months import Month
from governance.calendar.engine import day_of
from governance.management.arguments import refusals_as_sentences, scope_at


class Command(BaseCommand):
    help = "What commitments came to in a month: how much was used, what it cost, and what to do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", required=True)
        parser.add_argument("--month", help="such as 2026-10; default: the current one")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        today = day_of(timezone.now())
        month = Month.read(options["month"]) if options["month"] else Month.of(today)
        if month is None:
            raise CommandError(f"{options['month']!r} is no month; write one such as 2026-10.")
        with refusals_as_sentences():
            organisation = scope_at(options["organisation"])
            covered_months = commitments_in(organisation.pk, month)
        for covered in covered_months:
            self.stdout.write(sentence(covered, organisation.currency, today))
        if not covered_months:
            self.stdout.write(f"{organisation.path} has no commitment in force in {month}.")
