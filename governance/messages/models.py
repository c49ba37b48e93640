"""Channels, and the outbox of deliveries."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from django.db import models
from django.db.models import Q

from governance.scopes.models import Scope, ScopedQuerySet


class ChannelKind(models.TextChoices):
    """How messages are sent."""

    SLACK = "slack"
    EMAIL = "email"
    WEBHOOK = "webhook"


class Circuit(StrEnum):
    """Whether messages are sent to a channel's receiver."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


class Channel(models.Model):
    """Where messages for a scope may be sent. A guardrail names it `slack:NAME`; the one of the nearest scope at or
    above is used.

    Every organisation has an email channel `owners`, which writes to owners by their address.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="channels")
    kind = models.CharField(max_length=20, choices=ChannelKind.choices)
    name = models.SlugField(max_length=63)
    to = models.JSONField(default=list, blank=True, help_text="Email addresses, for an email channel.")
    sealed_secrets = models.BinaryField(default=b"", editable=False)
    is_enabled = models.BooleanField(default=True)
    blocked_until = models.DateTimeField(null=True, editable=False)
    failures_in_a_row = models.PositiveIntegerField(default=0, editable=False)
    last_failure = models.CharField(max_length=500, blank=True, default="", editable=False)
    # Which address it is, without showing it: several channels may send to one. Empty for email, and until it is next
    # sent to for a channel that was made before there were marks.
    endpoint = models.CharField(max_length=64, default="", editable=False)
    # Until the lease of the one message that is being sent ends.
    sending_until = models.DateTimeField(null=True, editable=False)
    last_send_s = models.FloatField(default=0.0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedQuerySet["Channel"].as_manager()

    class Meta:
        indexes = [
            # Read by operations.claims.
            models.Index(fields=["sending_until"], name="channel_sending", condition=Q(sending_until__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["scope", "kind", "name"], name="channel_unique_in_its_scope"),
            models.CheckConstraint(
                condition=Q(kind="email") | ~Q(sealed_secrets=b""), name="channel_has_its_secret_or_is_email"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    def circuit_at(self, at: datetime) -> Circuit:
        """Open while nothing is sent; half open when the next message tells whether the receiver is back."""
        if self.blocked_until is None:
            return Circuit.CLOSED
        return Circuit.OPEN if self.blocked_until > at else Circuit.HALF_OPEN


class DeliveryStatus(models.TextChoices):
    """Pending until leased, sending while leased, then sent, pending again, or dead."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"


class SealingKey(models.Model):
    """One row: a digest of the key that seals secrets in the installation. A node without the key does not start."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    digest = models.CharField(max_length=64)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="sealing_key_is_one")]

    def __str__(self) -> str:
        return f"since {self.since:%FT%TZ}"


class DeliveryQuerySet(ScopedQuerySet["Delivery"]):
    """Deliveries, visible by their channel's scope."""

    path_field = "channel__scope__path"


class Delivery(models.Model):
    """One message to one channel: leased, sent, settled. Its id is sent with it, so that a repeat can be recognised."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="deliveries")
    dedup_key = models.CharField(max_length=300)
    to = models.JSONField(default=list, blank=True)
    message = models.JSONField()
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    attempts_count = models.PositiveIntegerField(default=0)
    possible_repeats_count = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    last_error = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["channel", "dedup_key"], name="delivery_once_per_channel_and_key"),
            models.CheckConstraint(
                condition=Q(status="sending", leased_until__isnull=False, lease_token__isnull=False)
                | (~Q(status="sending") & Q(leased_until__isnull=True, lease_token__isnull=True)),
                name="delivery_is_leased_while_sending",
            ),
            models.CheckConstraint(
                condition=Q(status="sent", sent_at__isnull=False) | (~Q(status="sent") & Q(sent_at__isnull=True)),
                name="delivery_sent_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(status="dead", dead_at__isnull=False) | (~Q(status="dead") & Q(dead_at__isnull=True)),
                name="delivery_dead_has_its_time",
            ),
        ]
        indexes = [
            # Read by operations.claim_due_delivery.
            # With the id, since many are due at the same instant and the claim takes the first of them.
            models.Index(
                fields=["next_attempt_at", "id"], name="delivery_due", condition=Q(status__in=("pending", "sending"))
            ),
            # Read by the admin's dead list and `weir deliveries list --dead`.
            models.Index(fields=["-dead_at"], name="delivery_dead", condition=Q(status="dead")),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def possible_repeat(self) -> bool:
        """Whether an earlier attempt may have arrived although its outcome was never recorded."""
        return self.possible_repeats_count > 0
