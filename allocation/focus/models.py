"""Imported FOCUS files and their rows."""

from __future__ import annotations

from typing import Self

import pgtrigger
from django.db import models
from django.db.models import F, Q

from allocation.usage.models import ImportStatus
from governance.scopes.models import Scope, ScopedQuerySet


class FocusFormat(models.TextChoices):
    """The format of an imported or exported file."""

    CSV = "csv", "CSV"
    PARQUET = "parquet", "Parquet"


class FocusImport(models.Model):
    """The import of one FOCUS file. The same file in the same scope is the same import, until it is withdrawn or
    replaced. It states its billing accounts' months whole, unless `is_additional`.
    """

    file_name = models.CharField(max_length=255)
    file_digest = models.CharField(max_length=64, help_text="SHA-256.")
    size_bytes = models.BigIntegerField()
    file_format = models.CharField(max_length=10, choices=FocusFormat.choices)
    version = models.CharField(max_length=5, help_text="Of FOCUS: as stated, or as its columns tell.")
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", help_text="The subtree its rows may go to."
    )
    columns = models.JSONField(help_text="The headers as they stood, in their order.")
    column_types = models.JSONField(default=list, help_text="Of a Parquet file's columns, in DuckDB's words.")
    status = models.CharField(max_length=10, choices=ImportStatus.choices)
    rows_done = models.BigIntegerField(default=0)
    charges = models.BigIntegerField(default=0)
    repeats = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    used = models.BigIntegerField(default=0, help_text="Charges that were counted as usage too.")
    error = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=300)
    finished_at = models.DateTimeField(null=True)
    is_additional = models.BooleanField(default=False, help_text="Its rows stand beside those that are there.")
    replaced_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="+", help_text="States all its months anew."
    )
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=300, blank=True)
    withdrawal_reason = models.CharField(max_length=500, blank=True)

    objects = ScopedQuerySet["FocusImport"].as_manager()

    class Meta:
        verbose_name = "FOCUS import"
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "file_digest"],
                name="focus_file_once_in_a_scope",
                condition=Q(withdrawn_at=None, replaced_by=None),
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, withdrawal_reason="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawal_reason="") & ~Q(withdrawn_by="")),
                name="focus_withdrawal_is_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} {self.started_at:%FT%TZ}"

    @property
    def counts(self) -> bool:
        """Whether what it states is in force."""
        return self.withdrawn_at is None and self.replaced_by_id is None

    @property
    def is_void(self) -> bool:
        """Whether it, or the import that replaced it, was withdrawn."""
        replaced_by = self.replaced_by
        return self.withdrawn_at is not None or (replaced_by is not None and replaced_by.withdrawn_at is not None)


class FocusRowStatus(models.TextChoices):
    """What became of a row."""

    CHARGE = "charge"
    REPEAT = "repeat", "repeats a charge that is there"
    QUARANTINED = "quarantined"


class FocusRowQuerySet(ScopedQuerySet["FocusRow"]):
    """Rows, visible to those who see their scope."""

    def charges(self) -> Self:
        """Rows that count as charges: neither repeats nor quarantined, and not taken back."""
        return self.filter(status=FocusRowStatus.CHARGE, taken_back_at=None)

    def stated(self) -> Self:
        """Rows that a file in force states, repeats among them."""
        return self.filter(released_at=None).exclude(status=FocusRowStatus.QUARANTINED)


# What may change on a row: whether it counts. Its cells and what was read from them never do.
ROW_STATE = (
    "usage_record_id", "code", "field", "message", "released_at", "taken_back_at", "reversed_at",
)  # fmt: skip
_STATE = "ARRAY[" + ", ".join(f"'{name}'" for name in ROW_STATE) + "]"
_KEPT = f"""
    IF TG_OP = 'DELETE' OR NEW IS NOT DISTINCT FROM OLD
        OR (to_jsonb(NEW) - {_STATE}) IS DISTINCT FROM (to_jsonb(OLD) - {_STATE}) THEN
        RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;
    END IF;
    RETURN NEW;
"""


class FocusRow(models.Model):
    """One row of a FOCUS file: every cell as it was, and what was read from it; these never change. A row that cannot
    be read as a charge is quarantined with its reason; a row that is equal in every cell to one in another file of the
    organisation is a repeat and counts once. A charge counts as long as a file in force states it.
    """

    source = models.ForeignKey(FocusImport, on_delete=models.PROTECT, related_name="rows")
    row_number = models.BigIntegerField(help_text="From 1, without the header.")
    organisation = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, db_index=False, related_name="+", help_text="Whose charge it is."
    )
    attribution = models.CharField(max_length=250, blank=True)
    status = models.CharField(max_length=12, choices=FocusRowStatus.choices)
    cells = models.JSONField(help_text="In the order of the import's columns; null is null, an empty text is empty.")
    digest = models.CharField(max_length=64)
    occurrence = models.IntegerField(help_text="Which of the equal rows of its file it is, from 1.")
    billing_period_start = models.DateTimeField(null=True)
    billing_period_end = models.DateTimeField(null=True)
    charge_period_start = models.DateTimeField(null=True)
    charge_period_end = models.DateTimeField(null=True)
    billing_account = models.CharField(
        max_length=500,
        blank=True,
        help_text="Its account, or who issued the bill; with the billing period a statement.",
    )
    charge_category = models.CharField(max_length=20, blank=True)
    charge_class = models.CharField(max_length=20, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    billed_cost = models.DecimalField(max_digits=38, decimal_places=15, null=True)
    effective_cost = models.DecimalField(max_digits=38, decimal_places=15, null=True)
    list_cost = models.DecimalField(max_digits=38, decimal_places=15, null=True)
    contracted_cost = models.DecimalField(max_digits=38, decimal_places=15, null=True)
    service_category = models.CharField(max_length=200, blank=True)
    service_name = models.CharField(max_length=500, blank=True)
    sku_id = models.CharField(max_length=500, blank=True)
    sub_account = models.CharField(max_length=500, blank=True)
    usage_record_id = models.UUIDField(null=True, help_text="The usage record it was counted as.")
    code = models.CharField(max_length=40, blank=True, help_text="Why it is quarantined, or was not counted as usage.")
    field = models.CharField(max_length=100, blank=True)
    message = models.CharField(max_length=500, blank=True)
    booked_at = models.DateTimeField(null=True, help_text="When it counts, where its billing period was closed before.")
    released_at = models.DateTimeField(
        null=True, help_text="Since when its file no longer states it: withdrawn, or stated anew."
    )
    taken_back_at = models.DateTimeField(null=True, help_text="Since when it does not count: no file states it.")
    reversed_at = models.DateTimeField(
        null=True, help_text="When taking it back counts, where its period was closed before."
    )
    notes = models.JSONField(default=list, help_text="What was assumed where the file says nothing.")

    objects = FocusRowQuerySet.as_manager()

    class Meta:
        verbose_name = "FOCUS row"
        constraints = [
            models.UniqueConstraint(fields=["source", "row_number"], name="focus_row_once"),
            models.UniqueConstraint(
                fields=["organisation", "digest", "occurrence"],
                name="focus_charge_counts_once",
                condition=Q(status="charge", taken_back_at=None),
            ),
            models.CheckConstraint(
                condition=Q(reversed_at=None) | Q(taken_back_at__isnull=False),
                name="focus_reversal_is_of_what_is_taken_back",
            ),
            models.CheckConstraint(
                condition=Q(status="quarantined")
                | Q(
                    charge_period_start__isnull=False,
                    charge_period_end__gte=F("charge_period_start"),
                    billing_period_start__isnull=False,
                    billed_cost__isnull=False,
                    effective_cost__isnull=False,
                ),
                name="focus_charge_is_complete",
            ),
            models.CheckConstraint(
                condition=~Q(status="quarantined") | ~Q(code=""), name="focus_quarantine_has_a_reason"
            ),
        ]
        indexes = [
            # Read by exports: an organisation's charges of a billing period, file by file.
            models.Index(
                fields=["organisation", "billing_period_start", "source", "row_number"],
                name="focus_charges_of_period",
                condition=Q(status="charge"),
            ),
            # Read to find what a restated month takes back, and who else states a row.
            models.Index(
                fields=["organisation", "billing_account", "billing_period_start"], name="focus_rows_of_statement"
            ),
            models.Index(fields=["organisation", "digest", "occurrence"], name="focus_rows_alike"),
            # Read by exports: what counts as corrections of a closed month.
            models.Index(
                fields=["organisation", "booked_at"], name="focus_rows_booked", condition=Q(booked_at__isnull=False)
            ),
            models.Index(
                fields=["organisation", "reversed_at"],
                name="focus_rows_reversed",
                condition=Q(reversed_at__isnull=False),
            ),
            # Read by the lists of a scope's charges, newest first.
            models.Index(fields=["scope", "-id"], name="focus_rows_of_scope"),
            # Read to find the row behind a usage record.
            models.Index(
                fields=["usage_record_id"], name="focus_row_of_usage", condition=Q(usage_record_id__isnull=False)
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="focus_rows_are_kept",
                operation=pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.Before,
                func=_KEPT,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}/{self.row_number}"
