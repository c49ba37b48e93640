"""The page that says why a scope's cost changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from allocation.usage.admin.usage import RollUpAdmin
from allocation.usage.models import UsageDay
from allocation.variance import queries
from allocation.variance.engine.combined import combined
from allocation.variance.engine.figures import GPU_HOUR, PARTS, REQUEST, TOKEN, ModelVariance, Variance
from allocation.variance.engine.periods import (
    ComparedPeriod,
    ComparedPeriods,
    comparable,
    last_month,
    month,
    period_before,
)
from allocation.variance.engine.waterfall import waterfall, waterfall_levels
from allocation.variance.engine.words import amount, effect_steps, sentences, signed
from allocation.variance.queries import ScopeVariance
from governance.calendar.engine import DAY, midnight
from governance.pages.admin.base import acting
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

SCOPES_SHOWN = 12
# At the ends of the calendar no day comes before or after.
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)
# A longer list of scopes does not fit into an address.
SCOPES_IN_ADDRESS = 100
PARTS_OF_UNIT = {TOKEN: "tokens", REQUEST: "requests", GPU_HOUR: "GPU hours"}

admin.site.unregister(UsageDay)


class ComparisonForm(forms.Form):
    """Whole UTC days, first and last included."""

    scope = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    first = forms.DateField(label="First day", widget=UnfoldAdminSingleDateWidget)
    last = forms.DateField(label="Last day", widget=UnfoldAdminSingleDateWidget)
    against_first = forms.DateField(label="Compared with: first day", widget=UnfoldAdminSingleDateWidget)
    against_last = forms.DateField(label="Last day", widget=UnfoldAdminSingleDateWidget)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, day in list(cleaned.items()):
            if isinstance(day, date) and not EARLIEST <= day <= LATEST:
                self.add_error(name, f"Choose a day of the years {EARLIEST:%Y} to {LATEST:%Y}.")
        for first, last in (("first", "last"), ("against_first", "against_last")):
            if first in cleaned and last in cleaned and cleaned[first] > cleaned[last]:
                self.add_error(last, "The last day comes before the first.")
        if "first" in cleaned and cleaned["first"] >= timezone.now().date():
            self.add_error("first", "No whole day of the period is over yet.")
        return cleaned


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model as the table shows it; `effects` are its parts of the effects, in the order of the columns."""

    model: str
    provider: str
    status: str
    used: tuple[str, str]
    cost: tuple[str, str]
    per_million: tuple[str, str]
    change: str
    effects: tuple[str, ...]
    records: tuple[str, str]


@dataclass(frozen=True, slots=True)
class ScopeRow:
    path: str
    page: str
    cost: tuple[str, str]
    change: str
    effects: tuple[str, ...]
    is_jevons: bool


@admin.register(UsageDay)
class UsageDayAdmin(RollUpAdmin):
    def get_urls(self) -> list[URLPattern]:
        page = path("what-moved/", self.admin_site.admin_view(self.what_moved), name="allocation_what_moved")
        return [page, *super().get_urls()]

    def what_moved(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        today = timezone.now().date()
        paths = list(Scope.objects.visible_to(acting(request)).order_by("path").values_list("path", flat=True))
        form = _form(request, paths, today)
        context = {
            **self.admin_site.each_context(request),
            "title": "What moved",
            "form": form,
            "choices": _choices(request, today),
        }
        if paths and form.is_valid():
            context |= _variance_context(form.cleaned_data)
        return TemplateResponse(request, "allocation/variance/what_moved.html", context)


def _form(request: HttpRequest, paths: Sequence[str], today: date) -> ComparisonForm:
    after = last_month(today)
    before = period_before(after)
    default = {
        "scope": paths[0] if paths else "",
        "first": after.since,
        "last": after.last_day,
        "against_first": before.since,
        "against_last": before.last_day,
    }
    form = ComparisonForm({**default, **request.GET.dict()})
    scope = form.fields["scope"]
    assert isinstance(scope, forms.ChoiceField)  # noqa: S101  # as declared above
    scope.choices = [(path, path) for path in paths]
    return form


def _choices(request: HttpRequest, today: date) -> list[tuple[str, str]]:
    """Links to periods that are often compared, for the scope that is shown."""
    this_month = month(today)
    choices: list[tuple[str, ComparedPeriod, ComparedPeriod | None]] = [("Last month", last_month(today), None)]
    if this_month.since < today:
        so_far = comparable(this_month, None, today=today)
        choices.append(("This month so far", so_far.after, so_far.before))
    choices += [
        ("Last 7 days", ComparedPeriod(today - 7 * DAY, today), None),
        ("Last 30 days", ComparedPeriod(today - 30 * DAY, today), None),
    ]
    scope = request.GET.get("scope", "")
    return [
        (title, _page(scope, ComparedPeriods(before or period_before(after), after)))
        for title, after, before in choices
    ]


def _page(scope: str, periods: ComparedPeriods) -> str:
    query = {
        "scope": scope,
        "first": periods.after.since,
        "last": periods.after.last_day,
        "against_first": periods.before.since,
        "against_last": periods.before.last_day,
    }
    return (
        f"{reverse('admin:allocation_what_moved')}?{urlencode({name: value for name, value in query.items() if value})}"
    )


def _variance_context(chosen: dict[str, Any]) -> dict[str, Any]:
    after = ComparedPeriod(chosen["first"], chosen["last"] + DAY)
    before = ComparedPeriod(chosen["against_first"], chosen["against_last"] + DAY)
    periods = queries.periods_compared(after, before, today=timezone.now().date())
    tree = scope_tree()
    scope_id = tree.by_path[chosen["scope"]].id
    compared, places = queries.scope_variance_with_places(scope_id=scope_id, periods=periods)
    variance, shown_steps = compared.variance, effect_steps(compared.variance)
    counted = variance.activity.counted(variance.driver)
    names = [step.name for step in shown_steps]
    chart = waterfall(
        waterfall_levels(
            ("Before", str(periods.before), variance.cost[0]),
            [(step.title, step.amount) for step in shown_steps],
            ("After", str(periods.after)),
        ),
        currency=compared.currency,
    )
    mix = (
        ("Share of models", variance.effects.mix - variance.kind_mix),
        ("Kinds of use (cached, output, …)", variance.kind_mix),
    )  # fmt: skip
    return {
        "compared": compared,
        "periods": periods,
        "sentences": sentences(variance, compared.currency, periods.note),
        "chart": chart,
        "columns": [step.title for step in shown_steps],
        "steps": [(step.title, step.explanation, signed(step.amount)) for step in shown_steps],
        "mix": [(title, signed(part)) for title, part in mix if part],
        "cost": (amount(variance.cost[0]), amount(variance.cost[1])),
        "change": signed(variance.change),
        "counted": (f"{counted[0]:,}", f"{counted[1]:,}"),
        "models": [_model_row(model, compared, periods) for model in variance.models],
        "total": [signed(step.amount) for step in shown_steps],
        "scopes": _scope_rows(places, names, periods, compared) if len(places) > 1 else [],
    }  # fmt: skip


def _model_row(model: ModelVariance, compared: ScopeVariance, periods: ComparedPeriods) -> ModelRow:
    names = [step.name for step in effect_steps(compared.variance)]
    return ModelRow(
        model=model.model,
        provider=model.provider,
        status="" if model.status == "kept" else model.status,
        used=(_used(model, 0), _used(model, 1)),
        cost=(amount(model.cost[0]), amount(model.cost[1])),
        per_million=(_per_million(model, 0), _per_million(model, 1)),
        change=signed(model.change),
        effects=tuple(signed(getattr(model.effects, name)) for name in names),
        records=(_records(model, compared, periods.before), _records(model, compared, periods.after)),
    )


def _used(model: ModelVariance, side: int) -> str:
    parts = [f"{used[side] // PARTS[unit]:,} {PARTS_OF_UNIT[unit]}" for unit, used in model.used.items() if used[side]]
    return ", ".join(parts) or "–"


def _per_million(model: ModelVariance, side: int) -> str:
    tokens = model.used.get(TOKEN, (0, 0))[side]
    cost = sum(line.cost[side] for line in model.lines if line.unit == TOKEN)
    return amount(cost * 1_000_000 // tokens) if tokens else "–"


def _records(model: ModelVariance, compared: ScopeVariance, period: ComparedPeriod) -> str:
    """Address of the model's usage records: the admin's list, or the API's where too many scopes lie below."""
    since, until = (f"{midnight(day):%Y-%m-%dT%H:%M:%SZ}" for day in (period.since, period.until))
    below = scope_tree().descendants(compared.scope_id)
    if len(below) > SCOPES_IN_ADDRESS:
        query = {
            "scope": compared.path,
            "since": since,
            "until": until,
            "provider": model.provider,
            "model": model.model,
        }
        return f"{reverse('usage')}?{urlencode(query)}"
    narrowed = {
        "scope__id__in": ",".join(map(str, below)), "occurred_at__gte": since, "occurred_at__lt": until,
        "provider__exact": model.provider, "model__exact": model.model,
    }  # fmt: skip
    return f"{reverse('admin:allocation_usagerecord_changelist')}?{urlencode(narrowed)}"


def _scope_rows(
    places: Sequence[ScopeVariance], names: Sequence[str], periods: ComparedPeriods, compared: ScopeVariance
) -> list[ScopeRow]:
    """The scopes right below, each with all below it, and what the scope used itself; they sum to the headline. The
    smallest changes share a row.
    """
    shown = places if len(places) <= SCOPES_SHOWN else places[: SCOPES_SHOWN - 1]
    rows = [
        _scope_row(
            f"{row.path} itself" if row.scope_id == compared.scope_id else row.path,
            row.variance,
            names,
            "" if row.scope_id == compared.scope_id else _page(row.path, periods),
        )
        for row in shown
    ]
    if others := places[len(shown) :]:
        together = combined([row.variance for row in others])
        rows.append(_scope_row(f"{len(others)} others", together, names, ""))
    return rows


def _scope_row(title: str, variance: Variance, names: Sequence[str], page: str) -> ScopeRow:
    return ScopeRow(
        path=title,
        page=page,
        cost=(amount(variance.cost[0]), amount(variance.cost[1])),
        change=signed(variance.change),
        effects=tuple(signed(getattr(variance.effects, name)) for name in names),
        is_jevons=variance.is_jevons,
    )
