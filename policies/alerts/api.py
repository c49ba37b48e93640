from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from governance.rest.api import CursorPagination, actor, idempotent, requires
from governance.scopes.models import ScopedQuerySet
from policies.alerts import operations
from policies.alerts.models import Alert, AlertEvent


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


RowsT = TypeVar("RowsT", bound=ScopedQuerySet[Any])

SCOPE = OpenApiParameter("scope", str, description="Path of a scope: it and everything below it.")

GUARDRAIL = OpenApiParameter("guardrail", str)


def asked_for(found: RowsT, request: Request) -> RowsT:
    if scope := request.query_params.get("scope"):
        found = found.at_or_below_path(scope)
    if guardrail := request.query_params.get("guardrail"):
        found = found.filter(guardrail=guardrail)
    return found.select_related("scope")


class NewestAlertFirst(CursorPagination):
    ordering = ("-opened_at", "-id")  # type: ignore[assignment]  # DRF takes several; its stubs know one


@extend_schema_view(
    list=extend_schema(
        parameters=[SCOPE, GUARDRAIL, OpenApiParameter("status", str, enum=[*Alert.Status.values, "open"])]
    )
)
class Alerts(viewsets.ReadOnlyModelViewSet[Alert]):
    permission_classes = (requires("alerts:read"),)
    pagination_class = NewestAlertFirst
    serializer_class = AlertOut
    queryset = Alert.objects.none()

    @override
    def get_serializer_class(self) -> type[AlertOut]:
        return AlertDetailOut if self.action == "retrieve" else AlertOut

    @override
    def get_queryset(self) -> QuerySet[Alert]:
        found = asked_for(Alert.objects.visible_to(actor(self.request)), self.request)
        if status := self.request.query_params.get("status"):
            found = found.open() if status == "open" else found.filter(status=status)
        return found.prefetch_related("events") if self.action == "retrieve" else found


class AcknowledgeAlert(APIView):
    permission_classes = (requires("alerts:write"),)

    @extend_schema(request=AcknowledgementIn, responses=AlertOut)
    @idempotent
    def post(self, request: Request, alert_id: int) -> Response:
        body = AcknowledgementIn(data=request.data)
        body.is_valid(raise_exception=True)
        alert = operations.acknowledge_alert(
            alert_id=alert_id, actor=actor(request), reason=body.validated_data["reason"], at=timezone.now()
        )
        return Response(AlertOut(alert).data)
