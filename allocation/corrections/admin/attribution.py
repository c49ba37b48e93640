"""Attribution rule sets in the admin, with their actions: coverage, preview, attribute again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from allocation.attribution.admin import RuleInline
from allocation.attribution.models import AttributionRuleSet
from allocation.corrections.admin.attribution_pages import CHANGES, preview_page, reapply_page
from allocation.coverage.admin.attribution import coverage_page
from governance.documents.admin import VersionedAdmin
from governance.pages.admin.base import acting


@admin.register(AttributionRuleSet)
class AttributionRuleSetAdmin(VersionedAdmin):
    """A rule set may have thousands of keys, so they are listed on a page of their own."""

    inlines = (RuleInline,)
    actions_list = ("coverage",)
    actions_detail = ("preview", "reapply")

    def has_look_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        del object_id
        return bool(self.has_view_permission(request))

    @action(description="Coverage", permissions=["look"], url_path="coverage")  # type: ignore[untyped-decorator]  # unfold has no types
    def coverage(self, request: HttpRequest) -> HttpResponse:
        return coverage_page(request)

    def has_move_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """For those who may change the organisation's rules, and only on a set in force."""
        rule_set = self.rows_seen(request, object_id).select_related("organisation").first()
        if rule_set is None:
            return object_id is None
        return rule_set.is_current and acting(request).may_change(CHANGES, rule_set.organisation.path)

    @action(description="Attribute again", permissions=["move"], url_path="reapply")  # type: ignore[untyped-decorator]  # unfold has no types
    def reapply(self, request: HttpRequest, object_id: int) -> HttpResponse:
        rule_set = self.get_object(request, str(object_id))
        if rule_set is None:
            answer: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, str(object_id))
            return answer
        return reapply_page(request, rule_set)

    @action(description="Preview a change", permissions=["look"], url_path="preview")  # type: ignore[untyped-decorator]  # as above
    def preview(self, request: HttpRequest, object_id: int) -> HttpResponse:
        rule_set = self.get_object(request, str(object_id))
        if rule_set is None:
            answer: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, str(object_id))
            return answer
        return preview_page(request, rule_set)
