"""Unit economics: the list of all scopes' unit costs of the month, and the page of one scope."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from operator import attrgetter
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, Func, Value
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget

from allocation.unit_economics.admin.page import page_of
from allocation.unit_economics.engine import unit_economics as engine
from allocation.unit_economics.engine.unit_economics import Measure
from allocation.unit_economics.engine.unit_words import formatted, words_of
from allocation.unit_economics.models import ScopeEconomics
from allocation.unit_economics.queries import COST, check_period, unit_costs_by_scope
from governance.calendar.engine import DAY, day_of, first_of_month, month_after, month_before
from governance.charts.engine.numbers import NOTHING, money
from governance.errors import DomainError
from governance.pages.admin.base import RecordAdmin, acting
from governance.pages.admin.export import exported
from governance.pages.admin.show import number_column
from governance.scopes.queries import scope_tree

TRENDS = (("day", "by day"), ("week", "by week"), ("month", "by month"))
# A path sorted as text would put `team-b` between `team` and the scopes below `team`.
IN_TREE_ORDER = Func(F("path"), Value("/"), function="string_to_array").asc()


class PeriodForm(forms.Form):
    since = forms.DateField(label="From", widget=UnfoldAdminDateWidget())
    until = forms.DateField(label="To (not included)", widget=UnfoldAdminDateWidget())
    trend = forms.ChoiceField(label="Trend", choices=TRENDS, widget=UnfoldAdminSelectWidget())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                check_period(cleaned["since"], cleaned["until"])
            except DomainError as refused:
                raise forms.ValidationError(refused.detail) from None
        return cleaned


def column(measure: Measure, label: str) -> Any:
    """A list column that shows the month's figure, read by the changelist."""

    @admin.display(description=label)
    def number(scope: Any) -> str:
        ratio = scope.month_figures.get(measure)
        if ratio is None or ratio.value is None:
            return NOTHING
        return formatted(words_of(measure), ratio.value)

    return number


@admin.register(ScopeEconomics)
class ScopeEconomicsAdmin(RecordAdmin):
    list_display = (
        "in_tree", "cost", column(engine.INFERENCE_COST, "per inference"),
        column(engine.TOKEN_COST, "per 1,000 tokens"), column(engine.TASK_COST, "per task"),
        column(Measure("successful_outcome"), "per successful outcome"),
        column(engine.TOKEN_MULTIPLIER, "agent against a single shot"), column(engine.CACHE_HIT, "cache hits"),
    )  # fmt: skip
    list_filter = ("kind",)
    search_fields = ("path", "name")
    ordering = (IN_TREE_ORDER,)
    list_per_page = 200
    show_full_result_count = False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist: ChangeList = super().get_changelist_instance(request)
        changelist.title = f"What a unit cost in {timezone.now():%B %Y}"
        return changelist

    def add_to_rows(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        del request
        today = day_of(timezone.now())
        tree = scope_tree()
        roots = list({tree.by_id[scope.pk].root_id for scope in rows})
        figures = unit_costs_by_scope(roots=roots, since=first_of_month(today), until=month_after(today))
        for scope in rows:
            scope.month_figures = figures.get(scope.pk, {})
            cost = scope.month_figures.get(COST)
            scope.month_cost = money(cost.value, tree.by_id[scope.pk].currency) if cost and cost.value else NOTHING

    @exported(attrgetter("path"))
    @admin.display(description="scope", ordering=IN_TREE_ORDER)
    def in_tree(self, scope: ScopeEconomics) -> SafeString:
        return format_html(
            '<span style="padding-left: {}rem; white-space: nowrap" title="{}">{}</span>',
            f"{1.5 * scope.depth:.1f}",
            scope.path,
            scope.name or scope.slug,
        )

    @number_column
    @admin.display(description="cost this month")
    def cost(self, scope: Any) -> str:
        month_cost: str = scope.month_cost
        return month_cost

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page of one scope, instead of a form."""
        scope = self.get_object(request, object_id) if object_id else None
        if scope is None or not self.has_view_permission(request, scope):
            answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
            return answer
        today = day_of(timezone.now())
        usual = {"since": first_of_month(today), "until": today + DAY, "trend": "day"}
        chosen = {name: request.GET[name] for name in usual if request.GET.get(name)}
        form = PeriodForm({**usual, **chosen})
        if not form.is_valid():
            messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
            form = PeriodForm(usual)
            form.is_valid()
        period = form.cleaned_data
        beside = acting(request).sees(scope.organisation_slug)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Unit economics of {scope.path}",
            "scope": scope,
            "form": form,
            "periods": periods(today),
            "page": page_of(
                scope.pk, period["since"], period["until"], period["trend"], request.GET.get("unit", ""), beside=beside
            ),
        }
        return TemplateResponse(request, "allocation/unit_economics/page.html", context)


def periods(today: date) -> list[tuple[str, str]]:
    """Links to usual periods: (title, query string)."""
    first, before = first_of_month(today), month_before(today)
    tomorrow = today + DAY
    return [
        (title, f"?since={since}&until={until}&trend={trend}")
        for title, since, until, trend in (
            ("this month", first, tomorrow, "day"),
            ("last month", before, first, "day"),
            ("90 days", tomorrow - timedelta(days=90), tomorrow, "week"),
            ("12 months", tomorrow - timedelta(days=365), tomorrow, "month"),
        )
    ]
