"""Rows of work: kept answers to commands, scopes to evaluate, signs of life."""

from __future__ import annotations

from django.db import models

from governance.scopes.models import Scope


class IdempotencyRecord(models.Model):
    """The answer to a command, kept for its `Idempotency-Key`; written in the transaction of the command."""

    caller = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="idempotency_key_once_per_caller")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"


class DirtyScope(models.Model):
    """A scope whose facts changed since it was last evaluated. A mark made during an evaluation is kept: it raises
    `generation`, and settling deletes only the generation that was claimed. One that `can_wait` for a moment is
    evaluated with others.
    """

    scope = models.OneToOneField(Scope, on_delete=models.CASCADE, primary_key=True, related_name="+")
    dirty_since = models.DateTimeField()
    can_wait = models.BooleanField(default=False)
    generation = models.BigIntegerField(default=1)
    claimed_until = models.DateTimeField(null=True)
    claimed_generation = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            # Read by operations.claim_dirty_scopes.
            models.Index(fields=["dirty_since"], name="dirty_scope_oldest_first"),
            models.Index(fields=["dirty_since"], condition=models.Q(can_wait=False), name="dirty_scope_at_once"),
        ]

    def __str__(self) -> str:
        return f"{self.scope_id} since {self.dirty_since:%FT%TZ}"


class Heartbeat(models.Model):
    """When a part of the service last showed that it runs."""

    name = models.CharField(primary_key=True, max_length=100)
    beat_at = models.DateTimeField()
    detail = models.CharField(max_length=500, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.name} {self.beat_at:%FT%TZ}"
