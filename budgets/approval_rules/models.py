"""Approval rules as they were applied, in versions."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from governance.documents.models import Versioned
from governance.scopes.models import OrganisationQuerySet


class ApprovalRules(Versioned):
    """One version of an organisation's approval rules; the current one is in force. It has one document of them."""

    objects = OrganisationQuerySet["ApprovalRules"].as_manager()

    class Meta:
        verbose_name_plural = "approval rules"
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="approval_rules_version_once"),
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(is_current=True), name="approval_rules_one_current"
            ),
        ]
