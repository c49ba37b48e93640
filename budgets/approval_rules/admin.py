"""Approval rules in the admin: what was in force when."""

import yaml
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from budgets.approval_rules.models import ApprovalRules
from governance.documents.admin import VersionedAdmin


@admin.register(ApprovalRules)
class ApprovalRulesAdmin(VersionedAdmin):
    fields = (("name", "version", "is_current"), "organisation", "terms", ("applied_at", "applied_by"), "digest")
    readonly_fields = ("terms",)

    @admin.display(description="document")
    def terms(self, version: ApprovalRules) -> SafeString:
        text = yaml.safe_dump(version.document, sort_keys=False, allow_unicode=True)
        return format_html('<pre style="white-space: pre-wrap; font-size: .85rem">{}</pre>', text)
