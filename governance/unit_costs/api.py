"""Accepted unit costs over the API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from governance.rest.api import (
    IDEMPOTENCY_KEY,
    ScopeParameters,
    actor,
    idempotent,
    narrowed,
    pages_by,
    requires_either,
    visible_scope,
)
from governance.unit_costs import operations
from governance.unit_costs.models import CostUnit, UnitCostTarget


class UnitCostTargetOut(serializers.ModelSerializer[UnitCostTarget]):
    scope = serializers.CharField(source="scope.path")
    accepted_by = serializers.CharField(source="accepted_by_label")

    class Meta:
        model = UnitCostTarget
        fields = (
            "id", "scope", "unit", "outcome_name", "version", "amount", "currency", "reason", "effective_from", "until",
            "review_by", "accepted_by", "accepted_at",
        )  # fmt: skip
        read_only_fields = fields


class UnitCostTargetIn(serializers.Serializer[Any]):
    scope = serializers.CharField(max_length=1000)
    unit = serializers.ChoiceField(choices=CostUnit.choices)
    outcome_name = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    amount = serializers.DecimalField(max_digits=24, decimal_places=9, help_text="In the organisation's currency.")
    reason = serializers.CharField(max_length=2000)
    effective_from = serializers.DateField(required=False, help_text="First UTC day; default: today.")
    until = serializers.DateField(required=False, allow_null=True, default=None, help_text="Not included.")
    review_by = serializers.DateField(required=False, allow_null=True, default=None)


class UnitCostTargetFilterIn(ScopeParameters):
    unit = serializers.ChoiceField(choices=CostUnit.choices, required=False)
    on = serializers.DateField(required=False, help_text="Only those whose dates cover this day.")


@extend_schema(tags=["unit costs"])
class UnitCostTargets(ListAPIView[UnitCostTarget]):
    serializer_class = UnitCostTargetOut
    pagination_class = pages_by("-id")
    queryset = UnitCostTarget.objects.none()

    def get_permissions(self) -> list[BasePermission]:
        return requires_either(self.request, reading="usage:read", writing="budgets:write")

    def get_queryset(self) -> QuerySet[UnitCostTarget]:
        wanted = UnitCostTargetFilterIn.of(self.request)
        targets = UnitCostTarget.objects.visible_to(actor(self.request)).select_related("scope")
        targets = narrowed(targets, self.request, wanted.get("scope"))
        if "unit" in wanted:
            targets = targets.filter(unit=wanted["unit"])
        return targets.covering(wanted["on"]) if "on" in wanted else targets

    @extend_schema(
        operation_id="unit_cost_targets_list",
        parameters=[UnitCostTargetFilterIn],
        responses=UnitCostTargetOut(many=True),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every accepted unit cost, every version of it, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="unit_cost_targets_accept",
        request=UnitCostTargetIn,
        responses={201: UnitCostTargetOut},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Accepts what a unit may cost. For a person who holds the right `set_unit_cost` over the scope."""
        body = UnitCostTargetIn(data=request.data)
        body.is_valid(raise_exception=True)
        terms, by, now = dict(body.validated_data), actor(request), timezone.now()
        scope = visible_scope(request, terms.pop("scope"))
        terms.setdefault("effective_from", now.date())
        target = operations.accept_unit_cost(scope=scope, actor=by, at=now, **terms)
        return Response(UnitCostTargetOut(target).data, status=201)
