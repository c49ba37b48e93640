"""Guardrail versions, of which one is in force, and what is remembered of each evaluation."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import pgtrigger
from django.db import models
from django.db.models import Q

from governance.scopes.models import Scope, Viewer
from policies.guardrails.engine.matching import may_concern


class GuardrailVersionQuerySet(models.QuerySet["GuardrailVersion"]):
    def visible_to(self, actor: Viewer) -> Self:
        """Without those whose paths are all of organisations that the actor does not see."""
        if actor.sees_everything:
            return self.all()
        own = {path.split("/")[0] for path in actor.visible_paths}
        paths = self.order_by().values_list("pk", "document__spec__match__paths")
        return self.filter(pk__in=[pk for pk, globs in paths if any(may_concern(globs or (), path) for path in own)])


class GuardrailVersion(models.Model):
    """One accepted text of a guardrail. The text never changes; only whether it is in force does."""

    name = models.CharField(max_length=100)
    number = models.PositiveIntegerField()
    digest = models.CharField(
        max_length=64, help_text="SHA-256 of the parsed document: a comment does not make a version."
    )
    text = models.TextField(help_text="The YAML as applied.")
    document = models.JSONField(help_text="The parsed document.")
    source = models.CharField(max_length=500, blank=True, help_text="Where the text came from: a file or a commit.")
    level = models.CharField(max_length=20)
    test_results = models.JSONField(default=list)
    applied_at = models.DateTimeField()
    applied_by = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.CharField(max_length=200, blank=True)
    retire_reason = models.TextField(blank=True)

    objects = GuardrailVersionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["name", "number"], name="guardrail_version_number_is_unique"),
            models.UniqueConstraint(fields=["name", "digest"], name="guardrail_version_digest_is_unique"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(is_active=True), name="guardrail_has_one_active_version"
            ),
            models.CheckConstraint(
                condition=Q(is_active=True, retired_at__isnull=True) | Q(is_active=False, retired_at__isnull=False),
                name="guardrail_version_is_active_or_retired",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="guardrail_version_number_starts_at_one"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.ReadOnly(
                name="guardrail_version_text_is_immutable",
                fields=["name", "number", "digest", "text", "document", "source", "level", "applied_at", "applied_by"],
            ),
            pgtrigger.Protect(name="guardrail_version_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class GuardrailState(models.Model):
    """What the engine remembers about one guardrail on one scope. No row means idle."""

    guardrail = models.CharField(max_length=100)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    state: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    next_due_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["guardrail", "scope"], name="guardrail_state_is_one_per_guardrail_and_scope"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            # Read by operations.mark_due_scopes.
            models.Index(fields=["next_due_at"], condition=Q(next_due_at__isnull=False), name="guardrail_state_due"),
            models.Index(fields=["scope"], name="guardrail_state_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.guardrail} on scope {self.scope_id}"
