from __future__ import annotations

from django.db import models


class ServiceTier(models.TextChoices):
    STANDARD = "standard"
    BATCH = "batch"
    FLEX = "flex"
    PRIORITY = "priority"
