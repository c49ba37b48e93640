from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from allocation.models.versioned import OrganisationQuerySet, Versioned


class PriceBook(Versioned):
    currency = models.CharField(max_length=3)

    objects = OrganisationQuerySet["PriceBook"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="price_book_version_once"),
            models.UniqueConstraint(fields=["name"], condition=Q(is_current=True), name="price_book_one_current"),
        ]


class Meter(models.TextChoices):
    INPUT = "input"
    CACHED_INPUT = "cached_input"
    CACHE_WRITE = "cache_write"
    OUTPUT = "output"
    REASONING = "reasoning"
    REQUEST = "request"
    GPU_HOUR = "gpu_hour", "GPU hour"


class Price(models.Model):
    """What one meter costs: per million tokens, per request or per GPU hour, in the book's currency."""

    book = models.ForeignKey(PriceBook, on_delete=models.PROTECT, related_name="prices")
    position = models.PositiveIntegerField(help_text="Order in the document: the first match holds.")
    provider = models.CharField(max_length=128)
    model = models.CharField(max_length=128)
    service_tier = models.CharField(max_length=10)
    meter = models.CharField(max_length=20, choices=Meter.choices)
    above_input_tokens = models.PositiveIntegerField(default=0)
    unit_price = models.DecimalField(max_digits=24, decimal_places=12)
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="price_not_negative"),
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gt=F("effective_from")),
                name="price_ends_after_it_starts",
            ),
            models.UniqueConstraint(fields=["book", "position", "meter"], name="price_once_per_meter"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} {self.meter} {self.unit_price}"
