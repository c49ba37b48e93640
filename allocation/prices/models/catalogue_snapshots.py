"""What each release of the catalogue said, which is only ever added to."""

import pgtrigger
from django.db import models

APPEND_ONLY = "RAISE EXCEPTION 'catalogue snapshots are append-only' USING ERRCODE = 'integrity_constraint_violation';"


class CatalogueSnapshot(models.Model):
    """The prices of a release of the catalogue. They hold from `taken_at`, when this installation first ran with it,
    until the next snapshot; those of number 1 for all the past.
    """

    number = models.PositiveIntegerField(unique=True, help_text="1, 2, 3 … without a gap.")
    version = models.CharField(max_length=40)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the prices.")
    taken_at = models.DateTimeField()
    prices = models.JSONField(help_text="All that the release says of prices, by provider and model.")
    replaced = models.JSONField(help_text="What the snapshot before said of the models that are priced otherwise now.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(number__gte=1), name="catalogue_snapshot_numbered"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name=f"refuse_{operation.lower()}",
                when=pgtrigger.Before,
                level=pgtrigger.Row,
                operation=getattr(pgtrigger, operation),
                func=APPEND_ONLY,
            )
            for operation in ("Update", "Delete")
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.version}"
