"""Pages that show what a change of attribution rules would move, and that attribute recorded usage again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import yaml
from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from pydantic import TypeAdapter
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminTextareaWidget

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.models import AttributionRuleSet
from allocation.attribution.operations import apply_attribution_rules
from allocation.corrections.operations import reattribute_usage
from allocation.coverage.admin.attribution import SHOWN, default_period, share_text, totals_texts
from allocation.coverage.operations import Preview, preview_attribution
from governance.calendar.engine import midnight
from governance.charts.engine.numbers import count, money, percent
from governance.documents import load_documents, parse_document
from governance.errors import DomainError, Invalid
from governance.pages.admin.base import acting
from governance.pages.admin.reasons import reason_field

DOCUMENT: TypeAdapter[AttributionRulesDocument] = TypeAdapter(AttributionRulesDocument)
CHANGES = "allocation.attributionruleset"


class PreviewForm(forms.Form):
    document = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 18, "spellcheck": "false", "style": "font-family: monospace"}),
        help_text="The AttributionRules document as it would be. Previewing writes nothing.",
    )
    since = forms.DateField(widget=UnfoldAdminDateWidget, help_text="First UTC day of the usage to look at.")
    until = forms.DateField(widget=UnfoldAdminDateWidget, help_text="UTC day after the last.")


class ReapplyForm(forms.Form):
    since = forms.DateField(widget=UnfoldAdminDateWidget, help_text="First UTC day of the usage to attribute again.")
    until = forms.DateField(widget=UnfoldAdminDateWidget, help_text="UTC day after the last.")
    reason = reason_field(500)


def preview_page(request: HttpRequest, rule_set: AttributionRuleSet) -> HttpResponse:
    """What the document would move. The second button applies the same text as a new version."""
    now = timezone.now()
    may_save = acting(request).may_change(CHANGES, rule_set.organisation.path)
    form = PreviewForm(request.POST or None, initial=_initial(rule_set, now))
    preview = None
    if request.method == "POST" and form.is_valid():
        try:
            document = _parsed(form.cleaned_data["document"], rule_set)
            if "save" in request.POST:
                return _save(request, rule_set, document, now)
            preview = preview_attribution(
                documents=[document],
                since=midnight(form.cleaned_data["since"]),
                until=midnight(form.cleaned_data["until"]),
                actor=acting(request),
                at=now,
            )
        except DomainError as refused:
            messages.error(request, refused.detail)
    context = {
        **admin.site.each_context(request),
        "opts": AttributionRuleSet._meta,  # noqa: SLF001  # Django's public introspection, whatever its name
        "title": f"Preview a change of {rule_set.name}",
        "rule_set": rule_set,
        "form": form,
        "preview": preview_context(preview) if preview else None,
        "may_save": may_save,
        "back": reverse("admin:allocation_attributionruleset_change", args=[rule_set.pk]),
    }
    return TemplateResponse(request, "allocation/corrections/preview.html", context)


def _initial(rule_set: AttributionRuleSet, now: datetime) -> dict[str, Any]:
    document = {
        "apiVersion": "weir/v1",
        "kind": "AttributionRules",
        "metadata": {"name": rule_set.name},
        "spec": {
            name: rule_set.document[name] for name in ("organisation", "keys", "rules") if name in rule_set.document
        },
    }
    return {
        "document": yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120),
        **default_period(now),
    }


def _parsed(text: str, rule_set: AttributionRuleSet) -> AttributionRulesDocument:
    """Raises document_invalid, and other_document for another name or organisation than the rule set's."""
    documents = load_documents(text, source="document")
    if len(documents) != 1:
        raise Invalid("Write exactly one document.", code="document_invalid")
    document = parse_document(DOCUMENT, documents[0])
    if (document.metadata.name, document.spec.organisation) != (rule_set.name, rule_set.organisation.path):
        raise Invalid(
            f"This page is of {rule_set.name} of {rule_set.organisation.path}; its name and organisation stay.",
            code="other_document",
        )
    return document


def _save(
    request: HttpRequest, rule_set: AttributionRuleSet, document: AttributionRulesDocument, now: datetime
) -> HttpResponse:
    change = apply_attribution_rules(document, actor=acting(request), at=now)
    if change.action == "unchanged":
        messages.info(request, f"{rule_set.name} is in force as it stands there.")
    else:
        messages.success(request, f"{rule_set.name} is in force for usage that comes in from now on.")
    newest = AttributionRuleSet.objects.get(name=rule_set.name, is_current=True)
    return HttpResponseRedirect(reverse("admin:allocation_attributionruleset_change", args=[newest.pk]))


def reapply_page(request: HttpRequest, rule_set: AttributionRuleSet) -> HttpResponse:
    """What attributing again would move, and the button that does it."""
    now = timezone.now()
    form = ReapplyForm(request.POST or None, initial=default_period(now))
    back = reverse("admin:allocation_attributionruleset_change", args=[rule_set.pk])
    preview = None
    if request.method == "POST" and form.is_valid():
        try:
            done = reattribute_usage(
                organisation=rule_set.organisation.path,
                since=midnight(form.cleaned_data["since"]),
                until=midnight(form.cleaned_data["until"]),
                reason=form.cleaned_data["reason"],
                actor=acting(request),
                at=now,
                dry_run="apply" not in request.POST,
            )
        except DomainError as refused:
            messages.error(request, refused.detail)
        else:
            if done.run is not None:
                messages.success(request, f"{done.run.records:,} records moved; the movement is posted as corrections.")
                return HttpResponseRedirect(back)
            preview = preview_context(done.preview)
    context = {
        **admin.site.each_context(request),
        "opts": AttributionRuleSet._meta,  # noqa: SLF001  # as above
        "title": f"Attribute the usage of {rule_set.organisation.path} again",
        "form": form,
        "preview": preview,
        "back": back,
    }
    return TemplateResponse(request, "allocation/corrections/reapply.html", context)


def preview_context(preview: Preview) -> dict[str, Any]:
    """What `moves.html` shows of a preview, each list as far as SHOWN."""
    moves, currency = preview.moves, preview.organisation.currency
    return {
        "figures": (
            ("Would move", f"{money(moves.moved.cost, currency)} · {percent(moves.moved_ratio)}"),
            ("Of", f"{money(moves.used.cost, currency)} · {count(moves.used.records)} records"),
            ("Attributed before", share_text(moves.before)),
            ("Attributed after", share_text(moves.after)),
            ("Newly attributed", money(moves.newly_attributed.cost, currency)),
            ("Newly unattributed", money(moves.newly_unattributed.cost, currency)),
        ),
        "movements": [
            {
                **totals_texts(move.used, currency),
                "from_scope": move.from_scope,
                "to_scope": move.to_scope,
                "share": percent(move.share),
            }
            for move in preview.movements[:SHOWN]
        ],
        "more": max(len(preview.movements) - SHOWN, 0),
        "unused": preview.moves.unused[:SHOWN],
        "changes": preview.changes,
    }
