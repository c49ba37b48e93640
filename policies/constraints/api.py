from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from governance.rest.api import CursorPagination, actor, idempotent, requires
from policies.alerts.api import GUARDRAIL, SCOPE, asked_for
from policies.constraints import operations
from policies.constraints.models import Constraint


class ConstraintOut(serializers.ModelSerializer[Constraint]):
    scope = serializers.CharField(source="scope.path")
    models = serializers.ListField(child=serializers.CharField(), source="model_patterns")

    class Meta:
        model = Constraint
        fields: ClassVar[list[str]] = [
            "id", "scope", "guardrail", "step", "action", "models", "owner", "reason", "evidence", "status",
            "starts_at", "expires_at", "min_hold_until", "released_at", "released_by", "release_reason", "alert",
        ]  # fmt: skip
        read_only_fields = fields


class ReleaseIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class NewestConstraintFirst(CursorPagination):
    ordering = ("-starts_at", "-id")  # type: ignore[assignment]  # DRF takes several; its stubs know one


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
        found = asked_for(Constraint.objects.visible_to(actor(self.request)), self.request)
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
            constraint_id=constraint_id, actor=actor(request), reason=body.validated_data["reason"], at=timezone.now()
        )
        return Response(ConstraintOut(constraint).data)
