"""Allocation runs in the admin, with what each branch costs, and a page on one scope's part of shared cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from allocation.meters.engine.amounts import json_number
from allocation.meters.engine.months import Month
from allocation.shared_cost import operations
from allocation.shared_cost.models import AllocatedCharge, AllocationMetric, AllocationRun, RunStatus
from allocation.shared_cost.queries import SharedLine, by_branch, shared_cost
from governance.charts.engine.colours import OWN, SHARED_IN, SHARED_OUT
from governance.charts.engine.cost_bars import Costs, cost_bars
from governance.charts.engine.numbers import money, percent
from governance.errors import DomainError
from governance.pages.admin.base import VisibleOrganisations, VisibleScopes, acting
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.show import money_of, number_column
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

COLOURS = {"own": OWN, "shared_in": SHARED_IN, "shared_out": SHARED_OUT}


@admin.register(AllocationRun)
class AllocationRunAdmin(ReadOnlyAdmin):
    list_display = ("month", "organisation", "status", "holds", "pools_split", "made_at", "made_by", "problem")
    list_filter = ("status", ("organisation", VisibleOrganisations))
    list_select_related = ("organisation", "superseded_by")
    ordering = ("-period_start", "-id")
    actions = ["split_again"]
    fields = (
        ("organisation", "period_start", "period_end"), ("status", "holds", "supersedes"),
        ("made_at", "made_by"), "reason", "problem",
    )  # fmt: skip
    readonly_fields = ("holds",)
    change_form_outer_before_template = "allocation/shared_cost/run.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        runs: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = runs.annotate(pool_count=Count("pools"))
        return counted

    @admin.display(ordering="period_start")
    def month(self, run: AllocationRun) -> str:
        return f"{run.period_start:%Y-%m}"

    @admin.display(description="pools", ordering="pool_count")
    def pools_split(self, run: AllocationRun) -> int:
        pool_count: int = run.pool_count  # type: ignore[attr-defined]  # annotated above
        return pool_count

    @admin.display(description="its figures hold", boolean=True)
    def holds(self, run: AllocationRun) -> bool:
        return run.status != RunStatus.FAILED and not hasattr(run, "superseded_by")

    def has_split_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("allocation.change_allocationrun")

    @admin.action(description="Split these months again", permissions=["split"])
    def split_again(self, request: HttpRequest, queryset: QuerySet[AllocationRun]) -> None:
        months = {(run.organisation, Month.of(run.period_start)) for run in queryset.select_related("organisation")}
        for organisation, month in sorted(months, key=lambda pair: (pair[0].path, pair[1])):
            self._split(request, organisation, month)

    def _split(self, request: HttpRequest, organisation: Scope, month: Month) -> None:
        try:
            result = operations.run_allocation(
                organisation=organisation, month=month, actor=acting(request), at=timezone.now()
            )
        except DomainError as refused:
            messages.error(request, f"{organisation} {month}: {refused.detail}")
            return
        if result.run.status == RunStatus.FAILED:
            messages.error(request, f"{organisation} {month}: {result.run.problem}")
        else:
            done = f"split, run {result.run.pk}." if result.is_new else "nothing has changed."
            messages.success(request, f"{organisation} {month}: {done}")

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "<int:run_id>/scope/<int:scope_id>/",
            self.admin_site.admin_view(self.scope_view),
            name="allocation_allocationrun_scope",
        )
        return [page, *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id) if object_id else None
        context = {**(extra_context or {}), **(run_context(run) if run is not None else {})}
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return answer

    def scope_view(self, request: HttpRequest, run_id: int, scope_id: int) -> HttpResponse:
        """What was shared to a scope and from it in the month of a run, by the month's run in force."""
        actor = acting(request)
        scope = Scope.objects.visible_to(actor).filter(pk=scope_id).first()
        run = (
            AllocationRun.objects.filter(pk=run_id, organisation__path=scope.organisation_slug).first()
            if scope
            else None
        )
        if scope is None or run is None or not self.has_view_permission(request):
            raise Http404
        shared = shared_cost(actor=actor, scope_id=scope_id, month=Month.of(run.period_start))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Shared cost of {scope.path} in {shared.month}",
            "shared": shared,
            "sums": [
                ("Direct", money(shared.direct, shared.currency)),
                ("Commitments", money(shared.committed, shared.currency)),
                ("Held amounts", money(shared.external, shared.currency)),
                ("Shared to it", money(shared.shared_in_total, shared.currency)),
                ("Shared away", money(shared.shared_out_total, shared.currency)),
                ("Fully loaded", money(shared.fully_loaded, shared.currency)),
            ],
            "tables": [
                ("Shared to it", "from", lines_context(shared.shared_in, SHARED_IN)),
                ("Shared away", "of", lines_context(shared.shared_out, SHARED_OUT)),
            ],
            "back": reverse("admin:allocation_allocationrun_changelist"),
        }
        return TemplateResponse(request, "allocation/shared_cost/scope.html", context)


def run_context(run: AllocationRun) -> dict[str, Any]:
    """What `run.html` shows: the pools, and what each branch of the organisation costs with and without them."""
    tree, month = scope_tree(), Month.of(run.period_start)
    branches = by_branch(run, month) if run.status != RunStatus.FAILED else {}
    rows = sorted(branches.items(), key=lambda row: (-row[1].total, tree.by_id[row[0]].path))
    bars = cost_bars(
        [Costs(cost.direct + cost.committed + cost.external, cost.shared_in, cost.shared_out) for _, cost in rows]
    )
    currency = run.organisation.currency
    return {
        "colours": COLOURS,
        "currency": currency,
        "branches": [
            {
                "path": tree.by_id[scope_id].path,
                "page": reverse("admin:allocation_allocationrun_scope", args=[run.pk, scope_id]),
                "amounts": [
                    money(amount)
                    for amount in (
                        *(cost.direct, cost.committed, cost.external),
                        *(cost.shared_in, cost.shared_out, cost.total),
                    )
                ],
                "bar": bar,
            }
            for (scope_id, cost), bar in zip(rows, bars, strict=True)
        ],
        "total": money(sum((cost.total for _, cost in rows), Decimal(0)), currency),
        "pools": [
            {
                "name": str(pool.split),
                "origin": pool.origin.path,
                "amount": money(pool.own_amount + pool.received_amount),
                "received": money(pool.received_amount) if pool.received_amount else "",
                "method": f"{pool.method} ({pool.usage_unit})",
                "charges": f"{reverse('admin:allocation_allocatedcharge_changelist')}?pool__id__exact={pool.pk}",
            }
            for pool in run.pools.select_related("split", "origin").order_by("position")
        ],
    }


def lines_context(lines: Sequence[SharedLine], colour: str) -> list[dict[str, Any]]:
    """The rows of `scope.html`, each with a bar in proportion to the largest amount."""
    longest = max((abs(line.amount) for line in lines), default=Decimal(0))
    return [
        {
            "line": line,
            "amount": money(line.amount),
            "share": percent(line.ratio),
            "width": f"{float(abs(line.amount) / longest) * 100:.1f}" if longest else "0",
            "colour": colour,
        }
        for line in lines
    ]


@admin.register(AllocatedCharge)
class AllocatedChargeAdmin(ReadOnlyAdmin):
    list_display = (
        "month", "split", "origin", "target", "share", money_of("amount"), "driven_by", "rule", "run",
    )  # fmt: skip
    list_filter = (("target", VisibleScopes),)
    list_select_related = ("run__organisation", "pool__split", "pool__origin", "target")
    ordering = ("-id",)
    search_fields = ("target__path", "pool__split__name")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "pool__id__exact" or bool(super().lookup_allowed(lookup, value, request))

    @admin.display(ordering="run__period_start")
    def month(self, charge: AllocatedCharge) -> str:
        return f"{charge.run.period_start:%Y-%m}"

    @admin.display(description="pool", ordering="pool__split__name")
    def split(self, charge: AllocatedCharge) -> str:
        return str(charge.pool.split)

    @admin.display(ordering="pool__origin__path")
    def origin(self, charge: AllocatedCharge) -> str:
        return charge.pool.origin.path

    @number_column
    @admin.display(ordering="ratio")
    def share(self, charge: AllocatedCharge) -> str:
        return percent(charge.ratio)

    @admin.display(description="driven by")
    def driven_by(self, charge: AllocatedCharge) -> str:
        return f"{json_number(charge.usage_quantity)} {charge.pool.usage_unit}"


@admin.register(AllocationMetric)
class AllocationMetricAdmin(ReadOnlyAdmin):
    list_display = ("on", "metric", "scope", "value", "source", "received_at")
    list_filter = (("scope", VisibleScopes),)
    list_select_related = ("scope",)
    search_fields = ("metric__exact", "event_id__exact")
    ordering = ("-on", "-id")
