"""Versions of price books and their prices."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from allocation.meters.documents import LABEL_MAX
from governance.calendar.queries import in_force
from governance.documents.models import Versioned
from governance.scopes.models import OrganisationQuerySet, ScopedQuerySet


class Basis(models.TextChoices):
    """Whether a book states list prices or contracted prices."""

    LIST = "list", "list prices"
    CONTRACTED = "contracted", "contracted prices"


class PriceBook(Versioned):
    """One version of a named price book; one version of a name is current. Prices are in `currency`."""

    currency = models.CharField(max_length=3)
    contract = models.CharField(
        max_length=200, blank=True, help_text="What was agreed with the provider; empty: a published list."
    )
    basis = models.CharField(max_length=10, choices=Basis.choices, default=Basis.LIST)

    objects = OrganisationQuerySet["PriceBook"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="price_book_version_once"),
            models.UniqueConstraint(fields=["name"], condition=Q(is_current=True), name="price_book_one_current"),
        ]

    @property
    def is_contract(self) -> bool:
        """Contracts are tried before published lists."""
        return bool(self.contract) or self.basis == Basis.CONTRACTED


class Meter(models.TextChoices):
    """What a price is for. The unit of each meter is in `allocation.meters.documents.PRICED_PER`."""

    INPUT = "input"
    CACHED_INPUT = "cached_input"
    CACHE_WRITE = "cache_write"
    CACHE_WRITE_1H = "cache_write_1h", "cache write for an hour"
    OUTPUT = "output"
    REASONING = "reasoning"
    AUDIO_INPUT = "audio_input"
    CACHED_AUDIO_INPUT = "cached_audio_input"
    AUDIO_OUTPUT = "audio_output"
    IMAGE_INPUT = "image_input"
    IMAGE_OUTPUT = "image_output"
    REQUEST = "request"
    GPU_HOUR = "gpu_hour", "GPU hour"
    IMAGE = "image"
    MEGAPIXEL = "megapixel"
    AUDIO_SECOND = "audio_second"
    VIDEO_SECOND = "video_second"
    CHARACTER = "character"
    PAGE = "page"
    ANNOTATED_PAGE = "annotated_page"
    WEB_SEARCH = "web_search"
    MAP_SEARCH = "map_search"
    FILE_SEARCH = "file_search"
    SESSION = "session"
    MESSAGE = "message"


class PriceQuerySet(ScopedQuerySet["Price"]):
    """Prices, visible to those who see the book's organisation."""

    path_field = "book__organisation__path"

    def in_force(self, at: datetime) -> Self:
        """Prices of current books that are in force at the instant."""
        return self.holding(at).filter(book__is_current=True)

    def holding(self, at: datetime) -> Self:
        """Prices of any book, current or not, that are in force at the instant."""
        return self.filter(in_force(at, since="effective_from", until="effective_to"))


class Price(models.Model):
    """The price of one meter of a model, in the book's currency: per million tokens or characters, else per unit."""

    book = models.ForeignKey(PriceBook, on_delete=models.PROTECT, related_name="prices")
    position = models.PositiveIntegerField(help_text="Order in the document: the first match holds.")
    provider = models.CharField(max_length=128)
    model = models.CharField(max_length=128)
    service_tier = models.CharField(max_length=LABEL_MAX)
    meter = models.CharField(max_length=20, choices=Meter.choices)
    above_input_tokens = models.PositiveIntegerField(default=0)
    unit_price = models.DecimalField(max_digits=40, decimal_places=30, help_text="What is paid.")
    list_unit_price = models.DecimalField(
        max_digits=40, decimal_places=30, null=True, help_text="What is published; empty: the book does not say."
    )
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(null=True)
    hours = models.CharField(max_length=11, blank=True, help_text="Such as 16:30-00:30; empty: all day.")
    zone = models.CharField(max_length=40, default="UTC", help_text="Whose clocks the hours are by.")
    region = models.CharField(max_length=64, blank=True, help_text="Such as eu-*; empty: wherever no other holds.")

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="price_not_negative"),
            models.CheckConstraint(
                condition=Q(list_unit_price__isnull=True) | Q(list_unit_price__gte=F("unit_price")),
                name="price_not_above_its_list_price",
            ),
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gt=F("effective_from")),
                name="price_ends_after_it_starts",
            ),
            models.UniqueConstraint(fields=["book", "position", "meter"], name="price_once_per_meter"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} {self.meter} {self.unit_price}"
