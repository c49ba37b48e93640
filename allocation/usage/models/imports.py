"""File imports and how far they have come."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from governance.scopes.models import Scope, ScopedQuerySet


class ImportStatus(models.TextChoices):
    """Where an import is; a failed one can be continued."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class ImportRun(models.Model):
    """The import of one file. An interrupted run continues when the file is imported again with the same options."""

    file_name = models.CharField(max_length=255)
    file_digest = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    source_format = models.CharField(max_length=20)
    options_digest = models.CharField(max_length=64, help_text="Of mapping, source, scope and cost source.")
    mapping = models.JSONField(null=True)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, null=True, related_name="+")
    status = models.CharField(max_length=10, choices=ImportStatus.choices)
    records_done = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    passed_over = models.BigIntegerField(default=0, help_text="Rows that the mapping is not for.")
    unpriced = models.BigIntegerField(default=0, help_text="Of the accepted, those without a known cost.")
    costs = models.JSONField(default=dict, help_text="What the accepted cost, by currency.")
    error = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = ScopedQuerySet["ImportRun"].as_manager()

    class Meta:
        indexes = [
            # Read when an import starts, to find an unfinished run of the same file.
            models.Index(fields=["file_digest", "options_digest"], name="import_same_file"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} {self.started_at:%FT%TZ}"

    @property
    def counted(self) -> str:
        """The money that the accepted records cost, such as `0.875 USD`."""
        return ", ".join(f"{_plain(Decimal(cost))} {currency}" for currency, cost in sorted(self.costs.items()))


def _plain(amount: Decimal) -> str:
    """All its places that matter, at least two."""
    whole, _, part = f"{amount:f}".partition(".")
    return f"{whole}.{part.rstrip('0'):0<2}"
