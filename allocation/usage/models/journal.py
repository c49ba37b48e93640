"""Batches of usage that are recorded and charged, whose sums wait for roll-ups, charge lines and tasks."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

JOURNAL_TABLE = "allocation_usagejournal"


class UsageJournalQuerySet(models.QuerySet["UsageJournal"]):
    """Batches, waiting or set aside."""

    def waiting(self) -> Self:
        """Those that some sum waits for."""
        return self.filter(failed_at__isnull=True)

    def to_roll_up(self) -> Self:
        """Those in no sum yet."""
        return self.waiting().filter(rolled_up_at__isnull=True)

    def to_charge(self) -> Self:
        """Those that roll-ups hold, and tasks and charge lines do not."""
        return self.waiting().filter(rolled_up_at__isnull=False)

    def set_aside(self) -> Self:
        """Those that a fold failed on."""
        return self.filter(failed_at__isnull=False)


class UsageJournal(models.Model):
    """What is counted of the new records of one batch, written in the transaction that recorded them and deleted in the
    one that folds it into the last of the sums. `rolled_up_at`: roll-ups hold it since then; tasks and charge lines
    still wait for it. `failed_at`: a fold of it failed and it is set aside until it is tried again.
    """

    received_at = models.DateTimeField()
    calls = models.IntegerField()
    counted = models.BinaryField(help_text="allocation.usage.engine.counted, as JSON.")
    rolled_up_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True, default="")

    objects = UsageJournalQuerySet.as_manager()

    class Meta:
        indexes = [
            # Read by the page on data gaps and by health: usually empty.
            models.Index(fields=["failed_at"], name="usage_journal_failed", condition=Q(failed_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.received_at:%FT%TZ} {self.calls}"
