"""Choices that the models of several concepts share."""

from __future__ import annotations

from django.db import models


class ServiceTier(models.TextChoices):
    """The provider's service tier of a call, as `allocation.meters.documents.ServiceTier`."""

    STANDARD = "standard"
    BATCH = "batch"
    FLEX = "flex"
    PRIORITY = "priority"
