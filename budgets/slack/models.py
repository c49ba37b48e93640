"""What was pressed in Slack, and the answer that is owed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from governance.messages.models import Channel


class SlackPress(models.Model):
    """A button of a message that was pressed. It is decided once, and answered in Slack then; kept for a day."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        DECIDED = "decided"
        ANSWERED = "answered"
        GIVEN_UP = "given_up"

    # Of the signature that Slack sent with it: the same request sent again is no second press.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+", editable=False)
    request_id = models.BigIntegerField(editable=False)
    expected_digest = models.CharField(max_length=64, editable=False)
    verb = models.CharField(max_length=16, editable=False)
    workspace = models.CharField(max_length=32, editable=False)
    member = models.CharField(max_length=32, editable=False)
    member_name = models.CharField(max_length=100, blank=True, editable=False)
    words = models.TextField(blank=True, editable=False)
    amount = models.CharField(max_length=40, blank=True, editable=False)
    # Where the answer goes: a secret until it has ended, and gone once it was used.
    sealed_reply_url = models.BinaryField(editable=False)
    received_at = models.DateTimeField(editable=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RECEIVED, editable=False)
    reply = models.JSONField(null=True, editable=False)
    next_attempt_at = models.DateTimeField(editable=False)

    objects = models.Manager()

    class Meta:
        verbose_name_plural = "slack presses"
        indexes = [
            # Read by the task that answers.
            models.Index(
                name="slack_press_waits", fields=["next_attempt_at"], condition=Q(status__in=("received", "decided"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} of quota request {self.request_id} by {self.member}"
