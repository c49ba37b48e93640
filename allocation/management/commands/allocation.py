"""weir allocation run|show --organisation acme --month 2026-10 [--dry-run]: split a month's cost, or show the split."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from allocation.meters.engine.months import Month
from allocation.shared_cost import operations, queries
from allocation.shared_cost.engine.pools import PoolsRefused, SplitPool
from allocation.shared_cost.models import AllocationRun, RunStatus
from governance.charts.engine.numbers import money, percent
from governance.management.arguments import operator, refusals_as_sentences, scope_at
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree


class Command(BaseCommand):
    help = "Split a month's shared cost, or show how it was split."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        run = parts.add_parser("run", help="split a month's shared cost, again if something changed")
        show = parts.add_parser("show", help="the run in force: its pools, and the fully loaded cost of each scope")
        for part in (run, show):
            part.add_argument("--organisation", required=True)
            part.add_argument("--month", required=True, help="such as 2026-10")
        run.add_argument("--dry-run", action="store_true", help="show how cost would be split, and change nothing")
        run.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        month = Month.read(options["month"])
        if month is None:
            raise CommandError(f"{options['month']!r} is no month; write one such as 2026-10.")
        organisation = scope_at(options["organisation"])
        if organisation.parent_id is not None:
            raise CommandError(f"{organisation.path} is no organisation; name {organisation.organisation_slug}.")
        with refusals_as_sentences():
            if options["part"] == "show":
                self._show(organisation, month)
            elif options["dry_run"]:
                self._plan(organisation, month)
            else:
                self._run(organisation, month, options["reason"])

    def _run(self, organisation: Scope, month: Month, reason: str) -> None:
        run = operations.run_allocation(
            organisation=organisation, month=month, actor=operator(), at=timezone.now(), reason=reason
        ).run
        if run.status == RunStatus.FAILED:
            raise CommandError(f"Run {run.pk} failed, the one before it stands. {run.problem}")
        self._show(organisation, month)

    def _plan(self, organisation: Scope, month: Month) -> None:
        try:
            pools = operations.planned_allocation(organisation=organisation, month=month)
        except PoolsRefused as refused:
            raise CommandError(f"It would fail. {refused}.") from None
        for split_pool in pools:
            self._pool(split_pool, organisation.currency)
        self.stdout.write(f"{len(pools)} pools; nothing was changed.")

    def _pool(self, split_pool: SplitPool, currency: str) -> None:
        pool = split_pool.pool
        self.stdout.write(
            f"{pool.name} v{pool.version} of {pool.origin}:"
            f" {money(split_pool.amount, currency)}, {pool.method} ({pool.unit})"
        )
        for share in split_pool.shares:
            recipient = share.target or f"{pool.origin} keeps"
            rule = f"  [{share.rule}]" if share.rule else ""
            self.stdout.write(f"  {percent(share.ratio):>9}  {money(share.amount, currency):>18}  {recipient}{rule}")

    def _show(self, organisation: Scope, month: Month) -> None:
        run = queries.run_in_force(organisation.pk, month)
        if run is None:
            raise CommandError(f"The shared cost of {month} has not been split; run `weir allocation run`.")
        self.stdout.write(f"{month} {organisation.path}: run {run.pk}, {run.status}, made {run.made_at:%F %R} UTC.")
        self._pools(run, organisation.currency)
        loaded = queries.fully_loaded(organisation.pk, month)
        tree = scope_tree()
        self.stdout.write(
            f"{'direct':>16}{'committed':>16}{'external':>16}{'shared in':>16}{'shared away':>16}"
            f"{'fully loaded':>16}  scope"
        )
        for scope_id in tree.descendants(organisation.pk):
            if scope_id in loaded:
                self.stdout.write(columns(loaded[scope_id], tree.by_id[scope_id].path))
        self.stdout.write(columns(sum(loaded.values(), queries.FullyLoaded()), "total"))

    def _pools(self, run: AllocationRun, currency: str) -> None:
        for pool in run.pools.select_related("split", "origin").order_by("position"):
            amount = money(pool.own_amount + pool.received_amount, currency)
            self.stdout.write(f"{pool.split} of {pool.origin}: {amount}, {pool.method} ({pool.usage_unit})")


def columns(loaded: queries.FullyLoaded, name: str) -> str:
    amounts = (loaded.direct, loaded.committed, loaded.external, loaded.shared_in, loaded.shared_out, loaded.total)
    return "".join(f"{money(amount):>16}" for amount in amounts) + f"  {name}"
