"""Declared senders, in versions."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from allocation.sources.documents import PRICES
from governance.documents.models import Versioned
from governance.scopes.models import OrganisationQuerySet


class UsageSource(Versioned):
    """A sender of usage: which of its ids are used once, and whose price its records have. One of `source` and
    `weir_key` is empty, `price` where nothing is said of it.
    """

    source = models.CharField(max_length=128, blank=True)
    weir_key = models.CharField(max_length=10, blank=True)
    ids_are_unique = models.BooleanField()
    price = models.CharField(max_length=24, blank=True, choices=[(price, price.replace("_", " ")) for price in PRICES])

    objects = OrganisationQuerySet["UsageSource"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="usage_source_version_once"),
            models.UniqueConstraint(fields=["name"], condition=Q(is_current=True), name="usage_source_one_current"),
            models.UniqueConstraint(
                fields=["organisation", "source", "weir_key"],
                condition=Q(is_current=True),
                name="usage_source_declared_once",
            ),
            models.CheckConstraint(
                condition=Q(source="") ^ Q(weir_key=""), name="usage_source_names_its_sender_in_one_way"
            ),
        ]
