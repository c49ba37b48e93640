"""Scopes and their owners in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from governance.errors import DomainError
from governance.organisations.operations import change_scope, check_labels, create_scope
from governance.pages.admin.base import OperatedAdmin, acting
from governance.people.models import Ownership
from governance.records.operations import record_decision
from governance.scopes.models import Scope, ScopeKind


class OwnershipInline(TabularInline):  # type: ignore[misc]  # Unfold has no types.
    model = Ownership
    extra = 0
    fields = ("user", "group", "persona", "decision_right")
    autocomplete_fields = ("user",)


class ScopeForm(forms.ModelForm):  # type: ignore[type-arg]  # Not subscriptable at run time.
    def clean_labels(self) -> Any:
        labels = self.cleaned_data["labels"] or {}
        try:
            check_labels(labels)
        except DomainError as refused:
            raise forms.ValidationError(refused.detail) from None
        return labels

    def clean_fiscal_year_starts(self) -> int:
        stated: int | None = self.cleaned_data["fiscal_year_starts"]
        return stated or self.instance.fiscal_year_starts

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        parent, kind = cleaned.get("parent"), cleaned.get("kind")
        if self.instance.pk is None and kind and (parent is None) != (kind == ScopeKind.ORGANISATION):
            raise forms.ValidationError("An organisation has no parent, and everything else has one.")
        return cleaned

    def _post_clean(self) -> None:
        # The operation fills in the currency, which a constraint of the database requires.
        if self.instance.pk is None and not self.cleaned_data.get("parent"):
            self.cleaned_data["currency"] = self.cleaned_data.get("currency") or "USD"
        super()._post_clean()  # type: ignore[misc]  # Django's hook between fields and constraints, untyped.


@admin.register(Scope)
class ScopeAdmin(OperatedAdmin):
    form = ScopeForm
    list_display = ("in_tree", "kind", "practice", "environment", "criticality", "owners")
    list_filter = ("kind", "practice", "criticality")
    search_fields = ("path", "name")
    ordering = ("path",)
    list_per_page = 200
    inlines = (OwnershipInline,)
    fields = (
        "parent", "slug", "name", "kind", "practice", "environment", "criticality", "labels", "currency",
        "fiscal_year_starts",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Scope]:
        owned = Prefetch("ownerships", Ownership.objects.select_related("user", "group"))
        return super().get_queryset(request).prefetch_related(owned)

    def get_readonly_fields(self, request: HttpRequest, obj: Scope | None = None) -> tuple[str, ...]:
        del request
        if obj is None:
            return ()
        fixed = ("parent", "slug") if obj.parent_id is None else ("parent", "slug", "currency", "fiscal_year_starts")
        return (*fixed, "kind") if obj.parent_id is None or obj.is_unattributed else fixed

    @admin.display(description="scope", ordering="path")
    def in_tree(self, scope: Scope) -> SafeString:
        return format_html(
            '<span style="padding-left: {}rem" title="{}">{}</span>',
            f"{1.5 * scope.depth:.1f}",
            scope.path,
            scope.name or scope.slug,
        )

    @admin.display
    def owners(self, scope: Scope) -> str:
        return ", ".join(sorted({str(ownership.user or ownership.group) for ownership in scope.ownerships.all()}))

    def save_model(self, request: HttpRequest, obj: Scope, form: forms.ModelForm[Scope], change: bool) -> None:  # noqa: FBT001  # Django's signature
        actor, at = acting(request), timezone.now()
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name in form.cleaned_data}
            change_scope(scope_id=obj.pk, changes=changes, actor=actor, at=at)
            return
        created = create_scope(actor=actor, at=at, **form.cleaned_data)
        obj.pk, obj.path = created.pk, created.path

    def save_formset(
        self,
        request: HttpRequest,
        form: forms.ModelForm[Scope],
        formset: forms.BaseInlineFormSet[Ownership, Scope, Any],
        change: bool,  # noqa: FBT001  # Django's signature
    ) -> None:
        super().save_formset(request, form, formset, change)
        evidence = {
            "added": [str(ownership) for ownership in formset.new_objects],
            "changed": [str(ownership) for ownership, _ in formset.changed_objects],
            "removed": [str(ownership) for ownership in formset.deleted_objects],
        }
        if any(evidence.values()):
            scope = form.instance
            record_decision(
                actor=acting(request), action="ownership.change", scope=scope, subject=f"scope:{scope.path}",
                reason="", evidence=evidence, at=timezone.now(),
            )  # fmt: skip
