"""Anomalies over REST: the list, feedback, and the figures of detection."""

from datetime import UTC, timedelta
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.anomalies import operations, queries
from allocation.anomalies.models import Anomaly, Feedback, Metric
from allocation.usage.api.links import records_link
from governance.calendar.engine import DAY
from governance.rest.api import (
    IDEMPOTENCY_KEY,
    DayParameters,
    ScopeParameters,
    actor,
    idempotent,
    listed,
    requires,
    scope_asked,
)

KPI_DAYS = timedelta(days=30)
NO_FEEDBACK = "none"


class AnomalyFilterIn(ScopeParameters):
    status = serializers.ChoiceField(choices=Anomaly.Status.choices, required=False)
    metric = serializers.ChoiceField(choices=Metric.choices, required=False)
    model = serializers.CharField(required=False)
    feedback = serializers.ChoiceField(
        choices=[*Feedback.choices, (NO_FEEDBACK, "not judged")], required=False, help_text="none: not judged yet."
    )


class AnomalyOut(serializers.ModelSerializer[Anomaly]):
    scope = serializers.CharField(source="scope.path")
    duration_days = serializers.IntegerField(help_text="First to last day.")
    time_to_detect_seconds = serializers.SerializerMethodField(help_text="From the end of the first day.")
    records = serializers.SerializerMethodField(help_text="The usage records of those days.")
    feedback = serializers.ChoiceField(choices=[("", "not judged"), *Feedback.choices], read_only=True)

    class Meta:
        model = Anomaly
        fields = (
            "id", "scope", "provider", "model", "metric", "first_day", "last_day", "duration_days", "days_count",
            "expected", "observed", "excess_cost", "score", "reason", "method", "detected_at", "time_to_detect_seconds",
            "status", "closed_at", "accepted_at", "feedback", "feedback_reason", "feedback_by", "feedback_at",
            "records",
        )  # fmt: skip
        read_only_fields = fields

    def get_time_to_detect_seconds(self, anomaly: Anomaly) -> int:
        return anomaly.time_to_detect // timedelta(seconds=1)

    @extend_schema_field(serializers.URLField())
    def get_records(self, anomaly: Anomaly) -> str:
        return records_link(
            self.context["request"],
            scope=anomaly.scope.path,
            since=anomaly.first_day,
            until=anomaly.last_day + DAY,
            provider=anomaly.provider,
            model=anomaly.model,
            below=False,
        )


class FeedbackIn(serializers.Serializer[Any]):
    feedback = serializers.ChoiceField(choices=Feedback.choices)
    reason = serializers.CharField(max_length=2000)


class KpisIn(ScopeParameters, DayParameters):
    day_help: ClassVar = {
        "from": "First UTC day; default: 30 days before `to`.",
        "to": "UTC day after the last; default: tomorrow.",
    }


class OrganisationKpisOut(serializers.Serializer[Any]):
    organisation = serializers.CharField()
    currency = serializers.CharField()
    anomalies = serializers.IntegerField()
    open = serializers.IntegerField()
    cost = serializers.DecimalField(
        max_digits=40, decimal_places=9, help_text="Observed less expected; without false alarms and planned rises."
    )
    planned_cost = serializers.DecimalField(max_digits=40, decimal_places=9)
    mean_hours_to_detect = serializers.DecimalField(max_digits=20, decimal_places=4, allow_null=True)
    mean_duration_days = serializers.DecimalField(max_digits=20, decimal_places=4, allow_null=True)
    with_feedback = serializers.IntegerField()
    feedback_share = serializers.DecimalField(max_digits=20, decimal_places=4, allow_null=True)
    confirmed = serializers.IntegerField()
    planned = serializers.IntegerField()
    false_alarms = serializers.IntegerField()
    precision = serializers.DecimalField(
        max_digits=20, decimal_places=4, allow_null=True, help_text="Of those judged, the share that was none of no."
    )


class KpisOut(serializers.Serializer[Any]):
    rows = OrganisationKpisOut(many=True)


class Anomalies(APIView):
    permission_classes = [requires("alerts:read")]

    @extend_schema(operation_id="anomalies_list", parameters=[AnomalyFilterIn], responses=AnomalyOut(many=True))
    def get(self, request: Request) -> Response:
        """Newest first. Only rises are anomalies; a day without data is never judged."""
        wanted = AnomalyFilterIn.of(request)
        anomalies = queries.anomalies_seen(
            actor=actor(request), scope_id=scope_asked(request, wanted.pop("scope", None))
        )
        if wanted.get("feedback") == NO_FEEDBACK:
            wanted["feedback"] = ""
        return listed(self, request, anomalies.filter(**wanted), AnomalyOut, ordering=("-first_day", "-id"))


class AnomalyKpis(APIView):
    permission_classes = [requires("alerts:read")]

    @extend_schema(operation_id="anomalies_kpis", parameters=[KpisIn], responses=KpisOut)
    def get(self, request: Request) -> Response:
        """How many, how soon, how long, how dear, and how often right: of the anomalies that began in the period."""
        wanted = KpisIn.of(request)
        until = wanted.get("to", timezone.now().astimezone(UTC).date() + DAY)
        rows = queries.anomaly_kpis(
            actor=actor(request),
            scope_id=scope_asked(request, wanted.get("scope")),
            since=wanted.get("from", until - KPI_DAYS),
            until=until,
        )
        return Response(KpisOut({"rows": rows}).data)


class AnomalyFeedback(APIView):
    permission_classes = [requires("alerts:write")]

    @extend_schema(
        operation_id="anomalies_feedback", request=FeedbackIn, responses=AnomalyOut, parameters=[IDEMPOTENCY_KEY]
    )
    @idempotent
    def post(self, request: Request, anomaly_id: int) -> Response:
        """Whether it was one. `planned` takes it out of the cost of anomalies, `no` out of what was right; `accepted`
        closes one that lasts: its level is usual from then on.
        """
        body = FeedbackIn(data=request.data)
        body.is_valid(raise_exception=True)
        anomaly = operations.give_feedback(
            anomaly_id=anomaly_id,
            feedback=Feedback(body.validated_data["feedback"]),
            reason=body.validated_data["reason"],
            actor=actor(request),
            at=timezone.now(),
        )
        return Response(AnomalyOut(anomaly, context={"request": request}).data)
