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
from allocation.variance.engine.periods import Period, Periods, last_month, period_before
from allocation.variance.engine.variance import GPU_HOUR, PARTS, REQUEST, TOKEN, ModelVariance
from allocation.variance.engine.waterfall import levels, waterfall
from allocation.variance.engine.words import amount, sentences, signed, steps
from allocation.variance.queries import ScopeVariance
from governance.calendar.engine import DAY, first_of_month, midnight
from governance.pages.admin.base import acting
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

SCOPES_SHOWN = 12
# A longer list of scopes does not fit into an address.
SCOPES_IN_ADDRESS = 100
PARTS_OF_UNIT = {TOKEN: "tokens", REQUEST: "requests", GPU_HOUR: "GPU hours"}

admin.site.unregister(UsageDay)


class AskedForm(forms.Form):
    """Days are meant whole, first and last included."""

    scope = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    first = forms.DateField(label="First day", widget=UnfoldAdminSingleDateWidget)
    last = forms.DateField(label="Last day", widget=UnfoldAdminSingleDateWidget)
    against_first = forms.DateField(label="Compared with: first day", widget=UnfoldAdminSingleDateWidget)
    against_last = forms.DateField(label="Last day", widget=UnfoldAdminSingleDateWidget)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for first, last in (("first", "last"), ("against_first", "against_last")):
            if first in cleaned and last in cleaned and cleaned[first] > cleaned[last]:
                self.add_error(last, "The last day comes before the first.")
        return cleaned


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model as the table shows it; `moved` are its parts of the effects, in the order of the columns."""

    model: str
    provider: str
    status: str
    used: tuple[str, str]
    cost: tuple[str, str]
    per_million: tuple[str, str]
    change: str
    moved: tuple[str, ...]
    records: tuple[str, str]


@dataclass(frozen=True, slots=True)
class ScopeRow:
    path: str
    page: str
    cost: tuple[str, str]
    change: str
    moved: tuple[str, ...]
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
            context |= _shown(request, form.cleaned_data)
        return TemplateResponse(request, "allocation/variance/what_moved.html", context)


def _form(request: HttpRequest, paths: Sequence[str], today: date) -> AskedForm:
    after = last_month(today)
    before = period_before(after)
    default = {
        "scope": paths[0] if paths else "",
        "first": after.since,
        "last": after.last_day,
        "against_first": before.since,
        "against_last": before.last_day,
    }
    form = AskedForm({**default, **request.GET.dict()})
    scope = form.fields["scope"]
    assert isinstance(scope, forms.ChoiceField)  # noqa: S101  # as declared above
    scope.choices = [(one, one) for one in paths]
    return form


def _choices(request: HttpRequest, today: date) -> list[tuple[str, str]]:
    """Stretches of time one often asks for, of the scope that is shown."""
    this_month = Period(first_of_month(today), today)
    as_far = min(this_month.days, last_month(today).days)
    before = last_month(today).since
    choices: list[tuple[str, Period, Period | None]] = [("Last month", last_month(today), None)]
    if this_month.days:
        choices.append(("This month so far", this_month, Period(before, before + DAY * as_far)))
    choices += [
        ("Last 7 days", Period(today - 7 * DAY, today), None),
        ("Last 30 days", Period(today - 30 * DAY, today), None),
    ]
    scope = request.GET.get("scope", "")
    return [(title, _page(scope, Periods(other or period_before(one), one))) for title, one, other in choices]


def _page(scope: str, periods: Periods) -> str:
    asked = {
        "scope": scope,
        "first": periods.after.since,
        "last": periods.after.last_day,
        "against_first": periods.before.since,
        "against_last": periods.before.last_day,
    }
    return (
        f"{reverse('admin:allocation_what_moved')}?{urlencode({name: value for name, value in asked.items() if value})}"
    )


def _shown(request: HttpRequest, asked: dict[str, Any]) -> dict[str, Any]:
    periods = Periods(
        Period(asked["against_first"], asked["against_last"] + DAY), Period(asked["first"], asked["last"] + DAY)
    )
    tree = scope_tree()
    scope_id = tree.by_path[asked["scope"]].id
    found = queries.scope_variance(scope_id=scope_id, periods=periods)
    moved, told = found.variance, steps(found.variance)
    below = queries.scope_variances(actor=acting(request), scope_id=scope_id, periods=periods)
    chart = waterfall(
        levels(
            ("Before", str(periods.before), moved.cost[0]),
            [(step.title, step.amount) for step in told],
            ("After", str(periods.after)),
        ),
        currency=found.currency,
    )
    mix = (
        ("Models that entered", moved.mix_of("entered")), ("Models that left", moved.mix_of("left")),
        ("Share of models kept", moved.mix_of("kept")), ("Kinds of use (cached, output, …)", moved.kind_mix),
    )  # fmt: skip
    return {
        "found": found,
        "periods": periods,
        "sentences": sentences(moved, found.currency),
        "chart": chart,
        "columns": [step.title for step in told],
        "steps": [(step.title, step.says, signed(step.amount)) for step in told],
        "mix": [(title, signed(part)) for title, part in mix if part],
        "cost": (amount(moved.cost[0]), amount(moved.cost[1])),
        "change": signed(moved.change),
        "counted": (f"{moved.activity.counted(moved.driver)[0]:,}", f"{moved.activity.counted(moved.driver)[1]:,}"),
        "models": [_model_row(one, found, periods) for one in moved.models],
        "total": [signed(step.amount) for step in told],
        "scopes": [
            _scope_row(one, [step.name for step in told], periods) for one in below if one.scope_id != scope_id
        ][:SCOPES_SHOWN],
    }  # fmt: skip


def _model_row(one: ModelVariance, found: ScopeVariance, periods: Periods) -> ModelRow:
    names = [step.name for step in steps(found.variance)]
    return ModelRow(
        model=one.model,
        provider=one.provider,
        status="" if one.status == "kept" else one.status,
        used=(_used(one, 0), _used(one, 1)),
        cost=(amount(one.cost[0]), amount(one.cost[1])),
        per_million=(_per_million(one, 0), _per_million(one, 1)),
        change=signed(one.change),
        moved=tuple(signed(getattr(one.effects, name)) for name in names),
        records=(_records(one, found, periods.before), _records(one, found, periods.after)),
    )


def _used(one: ModelVariance, of: int) -> str:
    parts = [f"{used[of] // PARTS[unit]:,} {PARTS_OF_UNIT[unit]}" for unit, used in one.used.items() if used[of]]
    return ", ".join(parts) or "–"


def _per_million(one: ModelVariance, of: int) -> str:
    tokens = one.used.get(TOKEN, (0, 0))[of]
    cost = sum(line.cost[of] for line in one.lines if line.unit == TOKEN)
    return amount(cost * 1_000_000 // tokens) if tokens else "–"


def _records(one: ModelVariance, found: ScopeVariance, period: Period) -> str:
    """The admin's list of them; where too many scopes lie below, the API's."""
    since, until = (f"{midnight(day):%Y-%m-%dT%H:%M:%SZ}" for day in (period.since, period.until))
    below = scope_tree().descendants(found.scope_id)
    if len(below) > SCOPES_IN_ADDRESS:
        asked = {"scope": found.path, "since": since, "until": until, "provider": one.provider, "model": one.model}
        return f"{reverse('usage')}?{urlencode(asked)}"
    narrowed = {
        "scope__id__in": ",".join(map(str, below)), "occurred_at__gte": since, "occurred_at__lt": until,
        "provider__exact": one.provider, "model__exact": one.model,
    }  # fmt: skip
    return f"{reverse('admin:allocation_usagerecord_changelist')}?{urlencode(narrowed)}"


def _scope_row(one: ScopeVariance, names: Sequence[str], periods: Periods) -> ScopeRow:
    moved = one.variance
    return ScopeRow(
        path=one.path,
        page=_page(one.path, periods),
        cost=(amount(moved.cost[0]), amount(moved.cost[1])),
        change=signed(moved.change),
        moved=tuple(signed(getattr(moved.effects, name)) for name in names),
        is_jevons=moved.is_jevons,
    )
