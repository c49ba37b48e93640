"""Closed months over HTTP: listed, and closed by a person."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.billing_periods import operations
from allocation.billing_periods.models import BillingPeriod
from governance.rest.api import (
    IDEMPOTENCY_KEY,
    Parameters,
    actor,
    idempotent,
    listed,
    organisation_asked,
    person_asked,
    requires,
)


class PeriodOut(serializers.ModelSerializer[BillingPeriod]):
    organisation = serializers.CharField(source="organisation.path")

    class Meta:
        model = BillingPeriod
        fields = ("id", "organisation", "start", "end", "closed_at", "closed_by", "reason")
        read_only_fields = fields


class ClosingIn(serializers.Serializer[Any]):
    organisation = serializers.CharField()
    month = serializers.RegexField(r"^\d{4}-(0[1-9]|1[0-2])$", help_text="2026-10")
    reason = serializers.CharField(max_length=500)


@extend_schema(tags=["usage"])
class BillingPeriods(APIView):
    """Closed months. What comes later for one of them counts when it comes."""

    def get_permissions(self) -> list[Any]:
        return [requires("budgets:write" if self.request.method == "POST" else "usage:read")()]

    @extend_schema(operation_id="billing_periods_list", responses=PeriodOut(many=True))
    def get(self, request: Request) -> Response:
        Parameters.of(request)
        rows = BillingPeriod.objects.visible_to(actor(request)).select_related("organisation")
        return listed(self, request, rows, PeriodOut, ordering=("-start", "-id"))

    @extend_schema(
        operation_id="billing_period_close",
        request=ClosingIn,
        responses={201: PeriodOut},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Close a month that is over, and those before it, for good."""
        body = ClosingIn(data=request.data)
        body.is_valid(raise_exception=True)
        organisation = organisation_asked(request, body.validated_data["organisation"])
        person_asked(request)
        period = operations.close_period(
            organisation=organisation,
            month=operations.month_named(body.validated_data["month"]),
            reason=body.validated_data["reason"],
            actor=actor(request),
            at=timezone.now(),
        )
        return Response(PeriodOut(period).data, status=201)
