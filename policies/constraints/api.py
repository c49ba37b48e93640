"""GET /api/v1/constraints and POST of a release."""

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

from governance.rest.api import IDEMPOTENCY_KEY, actor, idempotent, narrowed, pages_by, requires
from policies.alerts.api import GuardrailParameters
from policies.constraints import operations
from policies.constraints.models import KIND_FIELDS, Constraint

SHOWN_FIELDS = tuple("models" if name == "model_patterns" else name for name in KIND_FIELDS)


class ConstraintOut(serializers.ModelSerializer[Constraint]):
    scope = serializers.CharField(source="scope.path")
    models = serializers.ListField(child=serializers.CharField(), source="model_patterns")

    class Meta:
        model = Constraint
        fields: ClassVar[list[str]] = [
            "id", "scope", "guardrail", "step", *SHOWN_FIELDS, "owner", "reason", "evidence", "status",
            "starts_at", "expires_at", "min_hold_until", "released_at", "released_by", "release_reason", "alert",
        ]  # fmt: skip
        read_only_fields = fields


class ReleaseIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class ConstraintFilterIn(GuardrailParameters):
    status = serializers.ChoiceField(choices=Constraint.Status.choices, required=False)


@extend_schema_view(get=extend_schema(parameters=[ConstraintFilterIn]))
class Constraints(generics.ListAPIView[Constraint]):
    permission_classes = (requires("constraints:read"),)
    pagination_class = pages_by("-starts_at", "-id")
    serializer_class = ConstraintOut
    queryset = Constraint.objects.none()

    @override
    def get_queryset(self) -> QuerySet[Constraint]:
        wanted = ConstraintFilterIn.of(self.request)
        rows = Constraint.objects.visible_to(actor(self.request)).select_related("scope")
        exact = {name: wanted[name] for name in ("guardrail", "status") if name in wanted}
        return narrowed(rows.filter(**exact), self.request, wanted.get("scope"))


class ConstraintDetail(generics.RetrieveAPIView[Constraint]):
    permission_classes = (requires("constraints:read"),)
    serializer_class = ConstraintOut
    queryset = Constraint.objects.none()

    @override
    def get_queryset(self) -> QuerySet[Constraint]:
        return Constraint.objects.visible_to(actor(self.request)).select_related("scope")


class ReleaseConstraint(APIView):
    permission_classes = (requires("constraints:read"),)

    @extend_schema(request=ReleaseIn, responses=ConstraintOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, constraint_id: int) -> Response:
        body = ReleaseIn(data=request.data)
        body.is_valid(raise_exception=True)
        constraint = operations.release_constraint(
            constraint_id=constraint_id, actor=actor(request), reason=body.validated_data["reason"], at=timezone.now()
        )
        return Response(ConstraintOut(constraint).data)
