"""Versions of declared documents."""

from __future__ import annotations

from django.db import models

from governance.scopes.models import Scope


class Versioned(models.Model):
    """A version of a declared document as it was applied: never edited, replaced by the next version of its name."""

    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    organisation = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    document = models.JSONField()
    is_current = models.BooleanField(default=True)
    applied_at = models.DateTimeField()
    applied_by = models.CharField(max_length=200)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"
