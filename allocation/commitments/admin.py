"""Commitments in the admin, each with what it covered this month."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import yaml
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from allocation.commitments import queries
from allocation.commitments.engine.covered_months import CommitmentMonth
from allocation.commitments.engine.words import sentence
from allocation.commitments.models import Commitment, CommitmentUnit
from allocation.meters.engine.months import Month
from governance.calendar.engine import day_of
from governance.charts.engine.colours import OWN
from governance.charts.engine.numbers import NOTHING, money, percent, quantity
from governance.documents.admin import VersionedAdmin
from governance.documents.models import Versioned
from governance.pages.admin.base import VisibleOrganisations
from governance.pages.admin.show import money_of, number_column


class DocumentAdmin(VersionedAdmin):
    """A version of a document, with its spec as YAML."""

    readonly_fields: tuple[str, ...] = ("terms",)

    @admin.display(description="document")
    def terms(self, version: Versioned) -> SafeString:
        text = yaml.safe_dump(version.document, sort_keys=False, allow_unicode=True)
        return format_html('<pre style="white-space: pre-wrap; font-size: .85rem">{}</pre>', text)


@admin.register(Commitment)
class CommitmentAdmin(DocumentAdmin):
    list_display = (
        "name", "kind", money_of("amount_per_month"), "used", "unused", "break_even", "ends_on", "is_current",
    )  # fmt: skip
    list_filter = ("is_current", "kind", ("organisation", VisibleOrganisations))
    list_select_related = ("organisation", "scope")
    fields = (
        ("name", "version", "is_current"), ("kind", "provider", "scope"), ("starts_on", "ends_on"), "told",
        ("used", "covered"), ("unused", "per_useful_unit"), ("break_even", "saving"), "terms",
        ("applied_at", "applied_by"), "digest",
    )  # fmt: skip
    readonly_fields = ("terms", "told", "used", "covered", "unused", "break_even", "per_useful_unit", "saving")

    list_before_template = "allocation/commitments/told.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The commitments, below a sentence on each of those in force."""
        shown = self.get_queryset(request).filter(is_current=True).select_related("organisation").order_by("name", "pk")
        context = {"commitments_told": [told for row in shown if (told := self.told(row)) != NOTHING]}
        answer: HttpResponse = super().changelist_view(request, {**context, **(extra_context or {})})
        return answer

    def get_queryset(self, request: HttpRequest) -> Any:
        # Each organisation's month is computed once per page.
        self.months: dict[int, dict[str, CommitmentMonth]] = {}
        return super().get_queryset(request)

    def _month(self, commitment: Commitment) -> CommitmentMonth | None:
        if not commitment.is_current:
            return None
        by_name = self.months.get(commitment.organisation_id)
        if by_name is None:
            months = queries.commitments_in(commitment.organisation_id, Month.of(timezone.now().date()))
            by_name = self.months[commitment.organisation_id] = {month.commitment.name: month for month in months}
        return by_name.get(commitment.name)

    @admin.display(description="this month")
    def told(self, commitment: Commitment) -> str:
        month = self._month(commitment)
        return sentence(month, commitment.currency, day_of(timezone.now())) if month else NOTHING

    @number_column
    @admin.display(description="used this month")
    def used(self, commitment: Commitment) -> SafeString | str:
        month = self._month(commitment)
        return utilisation_bar(month.utilisation) if month else NOTHING

    @admin.display(description="covered this month")
    def covered(self, commitment: Commitment) -> str:
        month = self._month(commitment)
        if month is None:
            return NOTHING
        coverage = "" if month.coverage is None else f", {percent(month.coverage)} of what it could cover"
        used, whole = (quantity(units) for units in (month.covered_units, month.committed_units))
        return f"{used} of {whole} {unit_label(commitment)}{coverage}"

    @number_column
    @admin.display(description="unused until now")
    def unused(self, commitment: Commitment) -> str:
        month = self._month(commitment)
        return money(month.unused_amount, commitment.currency) if month else NOTHING

    @number_column
    @admin.display(description="pays off from")
    def break_even(self, commitment: Commitment) -> str:
        month = self._month(commitment)
        if month is None or month.break_even_units is None:
            return NOTHING
        return f"{quantity(month.break_even_units)} {unit_label(commitment)}"

    @admin.display(description="cost of one that was used")
    def per_useful_unit(self, commitment: Commitment) -> str:
        month = self._month(commitment)
        return money(month.cost_per_useful_unit, commitment.currency) if month else NOTHING

    @admin.display(description="saved against on demand")
    def saving(self, commitment: Commitment) -> str:
        month = self._month(commitment)
        return money(month.saving, commitment.currency) if month else NOTHING


def unit_label(commitment: Commitment) -> str:
    """What `units_per_month` counts, in the plural: GPU hours, tokens, requests, or the currency."""
    is_money = commitment.unit == CommitmentUnit.MONEY
    return commitment.currency if is_money else f"{commitment.get_unit_display()}s"


def utilisation_bar(ratio: Decimal | None) -> SafeString | str:
    """In one colour at any ratio: a commitment that is fully used is nothing to warn of."""
    if ratio is None:
        return NOTHING
    return format_html(
        '<span style="display:flex;align-items:center;gap:.5rem;min-width:9rem">'
        '<span style="flex:1;height:.5rem;background:rgb(128 128 128 / .25)" aria-hidden="true">'
        '<span style="display:block;height:100%;width:{}%;background:{}"></span></span>'
        '<span style="font-variant-numeric:tabular-nums;white-space:nowrap">{}</span></span>',
        f"{ratio * 100:.1f}",
        OWN,
        percent(ratio),
    )
