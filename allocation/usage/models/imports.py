"""File imports and how far they have come."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q

from allocation.quarantine.models import QuarantinedUsage
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
    stated = models.JSONField(
        default=dict,
        blank=True,
        help_text="By account, from when to when the file states it whole.",
    )
    error = models.CharField(max_length=500, blank=True)
    replaces = models.BooleanField(
        default=False, db_default=False, help_text="What it states has replaced what earlier files said of it."
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=300, blank=True)
    withdrawal_reason = models.CharField(max_length=500, blank=True)

    objects = ScopedQuerySet["ImportRun"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, withdrawal_reason="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawal_reason="") & ~Q(withdrawn_by="")),
                name="import_withdrawal_is_signed",
            ),
        ]
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


class ImportedRecord(models.Model):
    """A record that an import's file holds, whether it was new or known. `statement` names the organisation and the
    account that the file states whole, if its mapping says so. A record that only imports told of counts as long as
    one of them holds it.
    """

    source = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="records")
    record_id = models.UUIDField()
    record_occurred_at = models.DateTimeField()
    is_new = models.BooleanField(help_text="Nobody had told of it before.")
    statement = models.CharField(max_length=32, blank=True)
    released_at = models.DateTimeField(
        null=True, help_text="Since when the file no longer states it: withdrawn, or stated anew."
    )
    released_by = models.ForeignKey(
        ImportRun, on_delete=models.PROTECT, null=True, related_name="released", help_text="The latest to state it."
    )

    objects = models.Manager["ImportedRecord"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "record_id", "record_occurred_at"], name="imported_record_once"),
        ]
        indexes = [
            # Read to find who else holds a record.
            models.Index(fields=["record_id", "record_occurred_at"], name="imports_of_record"),
            # Read to find what a restated account and period takes back.
            models.Index(fields=["statement"], name="imported_statement", condition=~Q(statement="")),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}/{self.record_id}"


class ImportedRefusal(models.Model):
    """A record of an import's file that was refused: the import holds what it becomes once it is corrected. `account`
    is the one that the file states whole, if its mapping says so.
    """

    source = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="refusals")
    refused = models.ForeignKey(QuarantinedUsage, on_delete=models.PROTECT, related_name="+")
    account = models.CharField(max_length=32, blank=True)

    objects = models.Manager["ImportedRefusal"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "refused"], name="imported_refusal_once"),
        ]
        indexes = [
            # Read to find the imports that a restated account replaces.
            models.Index(fields=["account"], name="imported_refusal_account", condition=~Q(account="")),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}/{self.refused_id}"


def _plain(amount: Decimal) -> str:
    """All its places that matter, at least two."""
    whole, _, part = f"{amount:f}".partition(".")
    return f"{whole}.{part.rstrip('0'):0<2}"
