"""Alerts over the API: list, detail with events, acknowledgement."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from governance.rest.api import IDEMPOTENCY_KEY, ScopeParameters, actor, idempotent, narrowed, pages_by, requires
from policies.alerts import operations
from policies.alerts.models import Alert, AlertEvent, AlertQuerySet


class AlertOut(serializers.ModelSerializer[Alert]):
    scope = serializers.CharField(source="scope.path")

    class Meta:
        model = Alert
        fields: ClassVar[list[str]] = [
            "id", "scope", "guardrail", "level", "status", "step", "severity", "reason", "period_start", "period_end",
            "opened_at", "escalated_at", "last_notified_at", "acknowledged_at", "acknowledged_by", "resolved_at",
            "resolve_reason",
        ]  # fmt: skip
        read_only_fields = fields


class AlertEventOut(serializers.ModelSerializer[AlertEvent]):
    class Meta:
        model = AlertEvent
        fields: ClassVar[list[str]] = ["at", "kind", "step", "detail", "evidence"]
        read_only_fields = fields


class AlertDetailOut(AlertOut):
    events = AlertEventOut(many=True)

    class Meta(AlertOut.Meta):
        fields: ClassVar[list[str]] = [*AlertOut.Meta.fields, "evidence", "events"]
        read_only_fields = fields


class AcknowledgementIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class GuardrailParameters(ScopeParameters):
    guardrail = serializers.CharField(required=False)


class AlertFilterIn(GuardrailParameters):
    status = serializers.ChoiceField(
        choices=[*Alert.Status.values, "open"], required=False, help_text="`open` is another word for `firing`."
    )


def alerts_of(request: Request) -> AlertQuerySet:
    """The alerts that the caller may see."""
    return Alert.objects.visible_to(actor(request)).select_related("scope")


@extend_schema_view(get=extend_schema(parameters=[AlertFilterIn]))
class Alerts(generics.ListAPIView[Alert]):
    permission_classes = (requires("alerts:read"),)
    pagination_class = pages_by("-opened_at", "-id")
    serializer_class = AlertOut
    queryset = Alert.objects.none()

    @override
    def get_queryset(self) -> QuerySet[Alert]:
        wanted = AlertFilterIn.of(self.request)
        rows = alerts_of(self.request)
        if "guardrail" in wanted:
            rows = rows.filter(guardrail=wanted["guardrail"])
        if "status" in wanted:
            rows = rows.open() if wanted["status"] == "open" else rows.filter(status=wanted["status"])
        return narrowed(rows, self.request, wanted.get("scope"))


class AlertDetail(generics.RetrieveAPIView[Alert]):
    permission_classes = (requires("alerts:read"),)
    serializer_class = AlertDetailOut
    queryset = Alert.objects.none()

    @override
    def get_queryset(self) -> QuerySet[Alert]:
        return alerts_of(self.request).prefetch_related("events")


class AcknowledgeAlert(APIView):
    permission_classes = (requires("alerts:write"),)

    @extend_schema(request=AcknowledgementIn, responses=AlertOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, alert_id: int) -> Response:
        body = AcknowledgementIn(data=request.data)
        body.is_valid(raise_exception=True)
        alert = operations.acknowledge_alert(
            alert_id=alert_id, actor=actor(request), reason=body.validated_data["reason"], at=timezone.now()
        )
        return Response(AlertOut(alert).data)
