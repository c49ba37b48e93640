"""weir scenario --scope PATH [--prices 30] [--subsidies openai=25] [--replace A=PROVIDER/B] [--tokens-per-task 2]"""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from budgets.plans.engine.amounts import rounded
from budgets.scenarios.engine.assumptions import assumptions_of
from budgets.scenarios.engine.words import signed
from budgets.scenarios.queries import Scenario, scenario
from governance.management.arguments import refusals_as_sentences, scope_at
from governance.management.tables import aligned


class Command(BaseCommand):
    help = "What the recorded work of a scope would cost if prices, subsidies, models or tokens per task were others."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--scope", required=True, help="path of the scope; all below it counts")
        parser.add_argument("--days", type=int, default=30, help="the last whole UTC days; default: 30")
        parser.add_argument(
            "--prices", action="append", default=[], metavar="PERCENT", help="30, or openai=30: prices rise by so much"
        )
        parser.add_argument(
            "--subsidies", action="append", default=[], metavar="PERCENT",
            help="25, or openai=25: so much of the long-run cost is left out of the price today",
        )  # fmt: skip
        parser.add_argument(
            "--replace", action="append", default=[], metavar="MODEL=PROVIDER/MODEL",
            help="gpt-4o=anthropic/claude-haiku-4-5: the second does the work of the first",
        )  # fmt: skip
        parser.add_argument("--tokens-per-task", default="1", metavar="FACTOR", help="2: twice as many")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        if options["days"] < 1:
            raise CommandError("--days is at least 1.")
        try:
            assumed = assumptions_of(
                prices=options["prices"], subsidies=options["subsidies"], replaced=options["replace"],
                tokens=options["tokens_per_task"],
            )  # fmt: skip
        except ValueError as problem:
            raise CommandError(f"{problem}.") from None
        with refusals_as_sentences():
            done = scenario(
                scope_id=scope_at(options["scope"]).pk, days=options["days"], assumed=assumed, at=timezone.now()
            )
        self.stdout.write("\n".join(_report(done)))


def _report(done: Scenario) -> Iterator[str]:
    yield f"{done.path}, {done.since} to {done.until}"
    yield from done.sentences
    if done.repriced.models:
        yield ""
        rows = [("model", "recorded", "as assumed", "change")]
        for model in done.repriced.models:
            name = f"{model.model} → {model.by}" if model.by else model.model
            recorded, repriced = (rounded("money", each, done.currency) for each in (model.recorded, model.repriced))
            rows.append((name, recorded, repriced, signed(model.repriced - model.recorded, done.currency)))
        yield from aligned(rows)
