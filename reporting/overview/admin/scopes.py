"""The admin list of scopes with this month's cost and the use of their budgets, which governance cannot import."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import F, Func, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action

from allocation.usage.queries import windows_totals
from budgets.ledger.queries import budget_facts
from governance.charts.engine.numbers import NOTHING, money
from governance.organisations.admin.scopes import ScopeAdmin
from governance.pages.admin.export import exported
from governance.pages.admin.show import used_bar
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from policies.evaluation.queries import calendar_month

admin.site.unregister(Scope)
# Sorted as text, `team-b` would come between `team` and the scopes below it.
IN_TREE_ORDER = Func(F("path"), Value("/"), function="string_to_array").asc()


@admin.register(Scope)
class SpendingScopeAdmin(ScopeAdmin):
    list_display: tuple[str, ...] = (  # type: ignore[assignment]  # More columns than the base class has.
        "in_tree", "cost_this_month", "budget_use", "kind", "practice", "environment", "criticality", "owners",
    )  # fmt: skip
    actions_detail = ("unit_economics", "what_moved")
    ordering = (IN_TREE_ORDER,)  # type: ignore[assignment]  # Django takes expressions as well.

    def add_to_rows(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        del request
        now, tree = timezone.now(), scope_tree()
        month = calendar_month(now)
        totals = windows_totals(windows={"month": (month.start, month.end)}, at=now)["month"]
        facts = budget_facts(scope_ids=[scope.pk for scope in rows], unit="money", at=now)
        for scope in rows:
            cost = totals[scope.pk].cost if scope.pk in totals else None
            scope.month_cost = money(cost, tree.by_id[scope.pk].currency) if cost else NOTHING
            scope.budget_facts = facts.get(scope.pk)

    @exported(attrgetter("path"))
    @admin.display(description="scope", ordering="path")
    def in_tree(self, scope: Scope) -> SafeString:
        return format_html('<span style="white-space: nowrap">{}</span>', super().in_tree(scope))

    @admin.display(description="cost this month")
    def cost_this_month(self, scope: Any) -> str:
        cost: str = scope.month_cost
        return cost

    @exported(lambda scope: scope.budget_facts.used_ratio if scope.budget_facts else None)
    @admin.display(description="budget used")
    def budget_use(self, scope: Any) -> SafeString | str:
        return used_bar(scope.budget_facts.used_ratio if scope.budget_facts else None)

    @action(description="What moved", url_path="what-moved", icon="waterfall_chart")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def what_moved(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Link to the page that explains why the scope's cost changed."""
        scope = self.rows_seen(request, object_id).first()
        if scope is None:
            return redirect("admin:governance_scope_changelist")
        return redirect(f"{reverse('admin:allocation_what_moved')}?{urlencode({'scope': scope.path})}")

    @action(description="Unit economics", url_path="unit-economics")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def unit_economics(self, request: HttpRequest, object_id: int) -> HttpResponse:
        del request
        return redirect("admin:allocation_scopeeconomics_change", object_id)
