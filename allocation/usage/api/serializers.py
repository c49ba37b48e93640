"""What usage looks like over HTTP, and what its lists and summaries may be asked for."""

from typing import Any

from rest_framework import serializers

from allocation.meters.api import SUM_DIGITS
from allocation.meters.documents import LABEL_MAX
from allocation.sources.documents import PRICES
from allocation.usage.models import Activity, UsageRecord
from allocation.usage.queries import GROUPS
from governance.rest.api import DayParameters, Parameters, ScopeParameters


class RejectionOut(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Place in what was sent, from 0; for JSON lines the line's.")
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField()


class IngestOut(serializers.Serializer[Any]):
    accepted = serializers.IntegerField(help_text="Counted now.")
    duplicate = serializers.IntegerField(help_text="Counted before, or twice in this request.")
    rejected = RejectionOut(many=True, help_text="Not counted; in quarantine, from where they can be replayed.")


class NothingAcceptedOut(IngestOut):
    """A problem with the members of an answer."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    instance = serializers.CharField()


class UsageRecordOut(serializers.ModelSerializer[UsageRecord]):
    scope = serializers.CharField(source="scope.path")
    cost = serializers.DecimalField(
        max_digits=24, decimal_places=9, allow_null=True, help_text="null: nobody stated a price, or the call failed."
    )
    unpriced = serializers.BooleanField(source="is_unpriced")
    unpriced_meters = serializers.ListField(
        child=serializers.CharField(), help_text="Counted, without a price, and so missing from the cost."
    )
    unmeasured = serializers.BooleanField(
        source="is_unmeasured", help_text="Nobody states what the call used: its cost is unknown, not 0."
    )
    attributes = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = UsageRecord
        fields = (
            "id", "source", "event_id", "occurred_at", "received_at", "scope", "attribution", "attributes", "provider",
            "model", "operation", "service_tier", "status", "task_id", "session_id", "input_tokens",
            "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "requests", "gpu_seconds",
            "latency_ms", "cost", "unpriced", "unpriced_meters", "unmeasured", "list_cost", "price_source",
            "price_version", "claimed_cost", "is_estimated", "mended",
        )  # fmt: skip
        read_only_fields = fields


class RecordFilterIn(ScopeParameters):
    below = serializers.BooleanField(default=True, help_text="false: the scope alone.")
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False, help_text="Not included.")
    booked_on = serializers.DateField(
        required=False, help_text="UTC day on which the record counts: its own, or when it came for a closed month."
    )
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False)
    service_tier = serializers.CharField(required=False, max_length=LABEL_MAX)
    price_source = serializers.CharField(required=False)
    source = serializers.CharField(required=False)  # type: ignore[assignment]  # a field, which DRF takes off the class
    status = serializers.CharField(required=False, max_length=LABEL_MAX)
    mended = serializers.BooleanField(
        required=False, default=None, allow_null=True, help_text="true: only records of which something was mended."
    )
    unpriced = serializers.BooleanField(required=False, default=None, allow_null=True)
    partly_unpriced = serializers.BooleanField(
        required=False, default=None, allow_null=True, help_text="Whether something counted is missing from the cost."
    )
    activity = serializers.ChoiceField(choices=Activity.choices, required=False)


class PriceIn(Parameters):
    price = serializers.ChoiceField(
        choices=PRICES,
        required=False,
        help_text="billed: what the sender says that a call cost. catalogue: price books and the price catalogue."
        " catalogue_else_billed: these, and the sender where they have no price. Without it as the sender's UsageSource"
        " document says, else the catalogue.",
    )


class SummaryIn(ScopeParameters, DayParameters):
    group_by = serializers.ChoiceField(choices=sorted(GROUPS), default="model")


class SummaryRowOut(serializers.Serializer[Any]):
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False)
    scope = serializers.CharField(source="scope__path", required=False)
    day = serializers.DateTimeField(source="bucket", format="%Y-%m-%d", required=False)
    requests = serializers.IntegerField(source="sum_requests")
    errors = serializers.IntegerField(source="sum_errors")  # type: ignore[assignment]  # as above
    unpriced_requests = serializers.IntegerField(source="sum_unpriced_requests")
    partly_unpriced_requests = serializers.IntegerField(
        source="sum_partly_unpriced_requests", help_text="Their cost leaves out something that has no price."
    )
    unpriced_tokens = serializers.IntegerField(source="sum_unpriced_tokens")
    input_tokens = serializers.IntegerField(source="sum_input_tokens")
    cached_input_tokens = serializers.IntegerField(source="sum_cached_input_tokens")
    cache_write_tokens = serializers.IntegerField(source="sum_cache_write_tokens")
    output_tokens = serializers.IntegerField(source="sum_output_tokens")
    reasoning_tokens = serializers.IntegerField(source="sum_reasoning_tokens")
    gpu_seconds = serializers.DecimalField(source="sum_gpu_seconds", max_digits=SUM_DIGITS, decimal_places=6)
    cost = serializers.DecimalField(source="sum_cost", max_digits=SUM_DIGITS, decimal_places=9)


class SummaryOut(serializers.Serializer[Any]):
    rows = SummaryRowOut(many=True)
