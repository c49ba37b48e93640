"""Spans by which a later one is known to be the same call."""

from __future__ import annotations

import json

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

SPAN_TABLE = "allocation_tracedspan"


class TracedSpan(models.Model):
    """A span of a model call, or one that lies between two. `root_id` is the scope of the key that sent it, 0 for an
    operator: spans of keys with another scope tell nothing of it. Ids are digests. `told` is what decides whether
    another span is the same call, `repeats` the span that it repeats; `counts`: its record counts, and `counted_by`
    whose counts in its place. `is_due`: its record counts still, and is to be taken back. Forgotten with the month of
    `occurred_at`.
    """

    pk = models.CompositePrimaryKey("root_id", "id")
    root_id = models.BigIntegerField()
    id = models.UUIDField(editable=False)
    parent = models.UUIDField(null=True)
    answer = models.UUIDField(null=True)
    likeness = models.UUIDField(null=True)
    instrumentation = models.CharField(max_length=100, blank=True)
    started_ns = models.BigIntegerField()
    ended_ns = models.BigIntegerField()
    told = models.TextField()
    repeats = models.UUIDField(null=True)
    counts = models.BooleanField(default=False)
    counted_by = models.UUIDField(null=True)
    is_due = models.BooleanField(default=False)
    record_id = models.UUIDField(null=True)
    occurred_at = models.DateTimeField()

    class Meta:
        indexes = [
            # Read for each new span: what lies below it, has its answer's id, or lies around it.
            models.Index(fields=["root_id", "parent"], name="traced_span_below", condition=Q(parent__isnull=False)),
            models.Index(fields=["root_id", "answer"], name="traced_span_answer", condition=Q(answer__isnull=False)),
            models.Index(
                fields=["root_id", "likeness", "instrumentation", "started_ns"], name="traced_span_likeness",
                condition=Q(likeness__isnull=False),
            ),
            # Read every ten seconds by the correction of what counted twice.
            models.Index(fields=["root_id", "id"], name="traced_span_due", condition=Q(is_due=True)),
            # Read by night, when old months are dropped.
            BrinIndex(fields=["occurred_at"], name="traced_span_age"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.id}"

    @property
    def instrumentation_name(self) -> str:
        """As it was sent; `instrumentation` is a digest of it."""
        return str(json.loads(self.told)[1])
