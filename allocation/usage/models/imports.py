from __future__ import annotations

from django.db import models

from governance.scopes.models import Scope, ScopedQuerySet


class ImportStatus(models.TextChoices):
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class ImportRun(models.Model):
    """One file brought in. A run that stopped half way goes on where it stopped when the same file is given again."""

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
    error = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = ScopedQuerySet["ImportRun"].as_manager()

    class Meta:
        indexes = [
            # Read when an import starts: is this file half done?
            models.Index(fields=["file_digest", "options_digest"], name="import_same_file"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} {self.started_at:%FT%TZ}"
