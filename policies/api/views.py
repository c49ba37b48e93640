from __future__ import annotations

from typing import TypeVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from governance.api import CursorPagination, actor, idempotent, requires
from policies import operations
from policies.api.serializers import (
    AcknowledgementIn,
    AlertDetailOut,
    AlertOut,
    ConstraintOut,
    GuardrailDetailOut,
    GuardrailOut,
    ReleaseIn,
)
from policies.models import Alert, Constraint, GuardrailVersion
from policies.models.alerts import AlertQuerySet
from policies.models.constraints import ConstraintQuerySet

RowsT = TypeVar("RowsT", AlertQuerySet, ConstraintQuerySet)
SCOPE = OpenApiParameter("scope", str, description="Path of a scope: it and everything below it.")
GUARDRAIL = OpenApiParameter("guardrail", str)


def _asked_for(found: RowsT, request: Request) -> RowsT:
    if scope := request.query_params.get("scope"):
        found = found.at_or_below_path(scope)
    if guardrail := request.query_params.get("guardrail"):
        found = found.filter(guardrail=guardrail)
    return found.select_related("scope")


class NewestAlertFirst(CursorPagination):
    ordering = ("-opened_at", "-id")  # type: ignore[assignment]  # DRF takes several; its stubs know one


class NewestConstraintFirst(CursorPagination):
    ordering = ("-starts_at", "-id")  # type: ignore[assignment]  # DRF takes several; its stubs know one


class ByName(CursorPagination):
    ordering = ("name", "-number")  # type: ignore[assignment]  # DRF takes several; its stubs know one


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
        found = _asked_for(Alert.objects.visible_to(actor(self.request)), self.request)
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
            alert_id=alert_id, by=actor(request), reason=body.validated_data["reason"], at=timezone.now()
        )
        return Response(AlertOut(alert).data)


@extend_schema_view(
    list=extend_schema(parameters=[SCOPE, GUARDRAIL, OpenApiParameter("status", str, enum=Constraint.Status.values)])
)
class Constraints(viewsets.ReadOnlyModelViewSet[Constraint]):
    permission_classes = (requires("constraints:read"),)
    pagination_class = NewestConstraintFirst
    serializer_class = ConstraintOut
    queryset = Constraint.objects.none()

    @override
    def get_queryset(self) -> QuerySet[Constraint]:
        found = _asked_for(Constraint.objects.visible_to(actor(self.request)), self.request)
        if status := self.request.query_params.get("status"):
            found = found.filter(status=status)
        return found


class ReleaseConstraint(APIView):
    permission_classes = (requires("constraints:read"),)

    @extend_schema(request=ReleaseIn, responses=ConstraintOut)
    @idempotent
    def post(self, request: Request, constraint_id: int) -> Response:
        body = ReleaseIn(data=request.data)
        body.is_valid(raise_exception=True)
        constraint = operations.release_constraint(
            constraint_id=constraint_id, by=actor(request), reason=body.validated_data["reason"], at=timezone.now()
        )
        return Response(ConstraintOut(constraint).data)


class Guardrails(mixins.ListModelMixin, viewsets.GenericViewSet[GuardrailVersion]):
    """The guardrails in force that may concern the reader: all but those for other organisations only."""

    permission_classes = (requires("guardrails:read"),)
    pagination_class = ByName
    serializer_class = GuardrailOut
    queryset = GuardrailVersion.objects.none()

    @override
    def get_queryset(self) -> QuerySet[GuardrailVersion]:
        return GuardrailVersion.objects.visible_to(actor(self.request)).filter(is_active=True)

    @extend_schema(responses=GuardrailDetailOut)
    def retrieve(self, request: Request, name: str) -> Response:
        versions = GuardrailVersion.objects.visible_to(actor(request)).filter(name=name)
        found = versions.order_by("-is_active", "-number").first()
        if found is None:
            raise NotFound
        return Response(GuardrailDetailOut(found).data)


class GuardrailVersions(mixins.ListModelMixin, viewsets.GenericViewSet[GuardrailVersion]):
    """Every version of one guardrail, newest first."""

    permission_classes = (requires("guardrails:read"),)
    pagination_class = ByName
    serializer_class = GuardrailDetailOut
    queryset = GuardrailVersion.objects.none()

    @override
    def get_queryset(self) -> QuerySet[GuardrailVersion]:
        return GuardrailVersion.objects.visible_to(actor(self.request)).filter(name=self.kwargs.get("name"))
