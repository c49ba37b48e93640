"""Usage records, one row per event."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Self

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, JSONField, Min, Q, Value
from django.db.models.functions import Lower

from allocation.meters.documents import LABEL_MAX, TOKEN_METERS
from allocation.meters.engine.activity import NAMED_OPERATIONS, OTHER, operations_of
from allocation.prices.engine.rates import by_meter
from governance.calendar.engine import DAY, midnight
from governance.scopes.models import Scope, ScopedQuerySet

PRICED_BY_NONE = "none"
# Of calls without a cost that did not fail: nobody states what they used, so that no price would help.
UNMEASURED = Q(input_tokens=0, output_tokens=0, gpu_seconds=0, quantities={})
RECORD_TABLE = "allocation_usagerecord"


class Status(models.TextChoices):
    """Whether the call succeeded; a failed call costs nothing. Senders may state others, which are kept."""

    SUCCESS = "success"
    ERROR = "error"


class Activity(models.TextChoices):
    """The kind of work an operation is; `allocation.meters.engine.activity` maps operations to it."""

    INFERENCE = "inference"
    RETRIEVAL = "retrieval"
    ORCHESTRATION = "orchestration"
    TRAINING = "training"
    OTHER = "other"


class UsageRecordQuerySet(ScopedQuerySet["UsageRecord"]):
    """Usage records, visible to those who see their scope."""

    def unpriced(self) -> Self:
        """Calls without a cost that did not fail."""
        return self.filter(cost__isnull=True).exclude(status=Status.ERROR)

    def priced_or_failed(self) -> Self:
        """All but the unpriced."""
        return self.filter(Q(cost__isnull=False) | Q(status=Status.ERROR))

    def partly_unpriced(self) -> Self:
        """Calls whose cost leaves out something that was counted and has no price."""
        return self.exclude(unpriced_meters=[])

    def unmeasured(self) -> Self:
        """Successful calls of which nobody states what they used or cost."""
        return self.unpriced().filter(UNMEASURED)

    def booked_on(self, day: date) -> Self:
        """Records that count on the UTC day. Looks at once how far back those of closed months reach, so that the
        months before are not searched.
        """
        start = midnight(day)
        end = start + DAY
        late = Q(booked_at__gte=start, booked_at__lt=end)
        earliest = self.model._default_manager.filter(late).aggregate(earliest=Min("occurred_at"))["earliest"]  # noqa: SLF001  # Django's way to any model's rows
        if earliest is None:
            return self.filter(booked_at__isnull=True, occurred_at__gte=start, occurred_at__lt=end)
        # Closed months are booked later than they occurred, never earlier.
        within = self.filter(occurred_at__gte=min(earliest, start), occurred_at__lt=end)
        return within.filter(Q(booked_at__isnull=True, occurred_at__gte=start) | late)

    def of_activity(self, activity: str) -> Self:
        """Records whose operation is of the activity, as `activity_of` tells."""
        records = self.alias(operation_name=Lower("operation"))
        if activity == OTHER:
            return records.exclude(operation_name__in=NAMED_OPERATIONS)
        return records.filter(operation_name__in=operations_of(activity))


class DroppedMonth(models.Model):
    """A month whose records were dropped after their retention; its roll-ups stay. Nothing more is accepted for it,
    however long the retention is later, since a repeat could not be told from what was counted.
    """

    month = models.DateField(unique=True, help_text="Its first day, UTC.")
    dropped_at = models.DateTimeField()

    objects = models.Manager["DroppedMonth"]()

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class UsageRecord(models.Model):
    """One usage event, priced and attributed; never changed. Partitioned by month of `occurred_at` (migration 0002), so
    the database's primary key is (occurred_at, id). `id` is a digest of organisation, source and event id. `cost` is in
    the organisation's currency, null when unpriced or failed, below zero for a credit.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    booked_at = models.DateTimeField(
        null=True, help_text="When it counts, where its own period was closed before it arrived; else occurred_at."
    )
    # The roll-up written in the same transaction has the foreign key; one here would cost a tenth of the ingest rate.
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    source = models.CharField(max_length=128)
    event_id = models.CharField(max_length=200)
    provider = models.CharField(max_length=128)
    model = models.CharField(max_length=128)
    operation = models.CharField(max_length=128)
    service_tier = models.CharField(max_length=LABEL_MAX)
    status = models.CharField(max_length=LABEL_MAX)
    task_id = models.CharField(max_length=200, blank=True)
    session_id = models.CharField(max_length=200, blank=True)
    attribution = models.CharField(max_length=250, help_text="explicit, unattributed, or the rule that matched.")
    price_source = models.CharField(max_length=100, help_text="Who stated the price; none: nobody did.")
    price_version = models.CharField(max_length=40, blank=True)
    attributes = models.JSONField(default=dict)
    input_tokens = models.BigIntegerField()
    cached_input_tokens = models.BigIntegerField()
    cache_write_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    requests = models.BigIntegerField()
    gpu_seconds = models.DecimalField(max_digits=18, decimal_places=6)
    latency_ms = models.BigIntegerField(null=True)
    cost = models.DecimalField(max_digits=24, decimal_places=9, null=True)
    quantities = models.JSONField(
        default=dict, help_text="What few calls have: rare kinds of tokens, and what is counted by itself, by meter."
    )
    list_cost = models.DecimalField(
        max_digits=24, decimal_places=9, null=True,
        help_text="At list prices; empty without a cost, and for records from before it was kept.",
    )  # fmt: skip
    unpriced_meters = models.JSONField(
        default=list, db_default=Value([], JSONField()),
        help_text="Counted and not in the cost, since they have no price: the call is partly unpriced.",
    )  # fmt: skip
    claimed_cost = models.DecimalField(
        max_digits=24,
        decimal_places=9,
        null=True,
        help_text="What the sender reckons it cost; not counted. Empty: it did not say, or in another currency.",
    )
    is_estimated = models.BooleanField(default=False, help_text="Its quantities are the sender's own estimate.")
    mended = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="What did not fit and was cut, rounded, fitted or left out, so that the record counts.",
    )
    sender = models.CharField(
        max_length=10, blank=True, default="", db_default="",
        help_text="The public prefix of the Weir key that sent it, or import. Empty: not known.",
    )  # fmt: skip

    objects = UsageRecordQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cached_input_tokens__gte=0, cache_write_tokens__gte=0, reasoning_tokens__gte=0)
                & Q(input_tokens__gte=F("cached_input_tokens") + F("cache_write_tokens"))
                & Q(output_tokens__gte=F("reasoning_tokens")),
                name="usage_token_parts_fit",
            ),
            models.CheckConstraint(
                condition=Q(cost__isnull=True, price_source=PRICED_BY_NONE)
                | ((Q(cost__gte=0) | Q(requests=0)) & ~Q(price_source=PRICED_BY_NONE)),
                name="usage_cost_has_a_source",
            ),
            # A credit or adjustment: money that no call of its own cost.
            models.CheckConstraint(
                condition=Q(requests__gt=0)
                | Q(requests=0, input_tokens=0, output_tokens=0, gpu_seconds=0, cost__isnull=False),
                name="usage_without_a_call_is_money_alone",
            ),
            models.CheckConstraint(
                condition=~Q(status="error") | Q(cost__isnull=True), name="usage_failure_costs_nothing"
            ),
            models.CheckConstraint(
                condition=Q(unpriced_meters=[]) | Q(cost__isnull=False), name="usage_partly_unpriced_has_a_cost"
            ),
        ]
        # Lists over many scopes, newest first, read the primary key.
        indexes = [
            # Read by GET /api/v1/usage and the admin: a scope's records, newest first.
            models.Index(fields=["scope", "-occurred_at"], name="usage_of_scope"),
            # Read by the unpriced filters of API and admin.
            models.Index(
                fields=["-occurred_at"], name="usage_unpriced", condition=Q(cost__isnull=True) & ~Q(status="error")
            ),
            # Read by the page on data gaps.
            models.Index(fields=["-occurred_at"], name="usage_mended", condition=~Q(mended="")),
            # Read by the filters for partly unpriced calls of API and admin.
            models.Index(fields=["-occurred_at"], name="usage_partly_unpriced", condition=~Q(unpriced_meters=[])),
            # Read by the filter for the day on which records count: those of closed months.
            models.Index(fields=["booked_at"], name="usage_booked_late", condition=Q(booked_at__isnull=False)),
            # Read by the admin's search. A filter for each 128 blocks tells whether a name may be there: a twentieth of
            # the size of an index of every name, and no line of it to write with a record.
            BrinIndex(
                fields=["event_id", "session_id"], opclasses=["text_bloom_ops", "text_bloom_ops"], autosummarize=True,
                name="usage_called",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}"

    @property
    def total_tokens(self) -> int:
        """Input and output; their parts are included."""
        return self.input_tokens + self.output_tokens

    @property
    def is_unmeasured(self) -> bool:
        """Whether the call succeeded and nobody states what it used or cost."""
        return self.is_unpriced and not (self.total_tokens or self.gpu_seconds or self.quantities)

    @property
    def is_unpriced(self) -> bool:
        """Whether the call has no price although it did not fail."""
        return self.cost is None and self.status != Status.ERROR

    @property
    def unpriced_tokens(self) -> int:
        """Tokens without a price: all of an unpriced call, those of the unpriced meters of another."""
        if self.is_unpriced:
            return self.total_tokens
        rare = {meter: Decimal(count) for meter, count in self.quantities.items()}
        quantities = by_meter(
            self.input_tokens, self.cached_input_tokens, self.cache_write_tokens, self.output_tokens,
            self.reasoning_tokens, rare,
        )  # fmt: skip
        return sum(int(quantities[meter]) for meter in self.unpriced_meters if meter in TOKEN_METERS)

    @property
    def is_partly_unpriced(self) -> bool:
        """Whether something that was counted is missing from the cost."""
        return bool(self.unpriced_meters)
