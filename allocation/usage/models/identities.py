"""Identities that hold at any instant."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

IDENTITY_TABLE = "allocation_usageidentity"


class UsageIdentity(models.Model):
    """A name of a record whose sender uses each id once: its id, or with `is_other_id` another one. The table of usage
    cannot hold it: its key has the instant in it, by which it is partitioned. `id` is a digest as the record's;
    forgotten with the month of `occurred_at`, the record's.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    is_other_id = models.BooleanField(default=False)
    record_id = models.UUIDField(null=True, editable=False, help_text="Of an other id: the record that has it.")
    occurred_at = models.DateTimeField()

    class Meta:
        # Read by night, when old months are dropped. Rows lie in the order of time, so that ranges of blocks suffice.
        indexes = [BrinIndex(fields=["occurred_at"], name="usage_identity_age")]

    def __str__(self) -> str:
        return f"{self.id}"
