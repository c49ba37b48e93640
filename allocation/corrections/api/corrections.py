"""Corrections of recorded usage over HTTP: adjustments, the runs that made them, and pricing usage again."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.corrections import operations
from allocation.corrections.models import Adjustment, AdjustmentRun
from governance.calendar.engine import DAY, midnight
from governance.rest.api import (
    IDEMPOTENCY_KEY,
    Parameters,
    ScopeParameters,
    actor,
    idempotent,
    listed,
    narrowed,
    organisation_asked,
    person_asked,
    requires,
)


class AdjustmentOut(serializers.ModelSerializer[Adjustment]):
    scope = serializers.CharField(source="scope.path")
    run = serializers.IntegerField(source="run_id")
    kind = serializers.CharField(source="run.kind")

    class Meta:
        model = Adjustment
        fields = (
            "id", "run", "kind", "record_id", "record_occurred_at", "made_at", "booked_at", "scope", "provider",
            "model", "activity", "requests", "errors", "unpriced_requests", "input_tokens", "cached_input_tokens",
            "cache_write_tokens", "output_tokens", "reasoning_tokens", "gpu_seconds", "cost", "price_source",
            "price_version", "attribution",
        )  # fmt: skip
        read_only_fields = fields


class AdjustmentFilterIn(ScopeParameters):
    below = serializers.BooleanField(default=True, help_text="false: the scope alone.")
    run = serializers.IntegerField(required=False)
    record_id = serializers.UUIDField(required=False, help_text="The `id` of a usage record.")
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False)
    booked_on = serializers.DateField(required=False, help_text="UTC day on which it counts.")


class AdjustmentRunOut(serializers.ModelSerializer[AdjustmentRun]):
    organisation = serializers.CharField(source="organisation.path")

    class Meta:
        model = AdjustmentRun
        fields = (
            "id", "kind", "organisation", "since", "until", "reason", "made_at", "made_by", "finished_at", "records",
            "cost",
        )  # fmt: skip
        read_only_fields = fields


class RerateIn(serializers.Serializer[Any]):
    organisation = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(help_text="Not included.")
    reason = serializers.CharField(max_length=500)
    model = serializers.CharField(required=False, help_text="Only usage of this model.")
    dry_run = serializers.BooleanField(default=False, help_text="Only say what would be corrected.")


class RerateOut(serializers.Serializer[Any]):
    run = serializers.IntegerField(source="run.pk", allow_null=True, default=None)
    looked_at = serializers.IntegerField(help_text="Records whose price is a price list's, or nobody's.")
    corrected = serializers.IntegerField()
    change = serializers.DecimalField(max_digits=40, decimal_places=9, help_text="Of the whole cost.")
    refused = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Records that today's books cannot price, by code.",
    )


@extend_schema(tags=["usage"])
class Adjustments(APIView):
    """Corrections of records, entry by entry."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="adjustments_list", parameters=[AdjustmentFilterIn], responses=AdjustmentOut(many=True))
    def get(self, request: Request) -> Response:
        wanted = AdjustmentFilterIn.of(request)
        rows = Adjustment.objects.visible_to(actor(request)).select_related("scope", "run")
        exact = {
            "run_id": wanted.get("run"),
            "record_id": wanted.get("record_id"),
            "provider": wanted.get("provider"),
            "model": wanted.get("model"),
            "scope__path": None if wanted["below"] else wanted.get("scope"),
        }
        rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
        if "booked_on" in wanted:
            start = midnight(wanted["booked_on"])
            rows = rows.filter(booked_at__gte=start, booked_at__lt=start + DAY)
        rows = narrowed(rows, request, wanted.get("scope"))
        return listed(self, request, rows, AdjustmentOut, ordering=("-made_at", "-id"))


@extend_schema(tags=["usage"])
class AdjustmentRuns(APIView):
    """Decisions to correct what was recorded."""

    def get_permissions(self) -> list[Any]:
        return [requires("usage:write" if self.request.method == "POST" else "usage:read")()]

    @extend_schema(operation_id="adjustment_runs_list", responses=AdjustmentRunOut(many=True))
    def get(self, request: Request) -> Response:
        Parameters.of(request)
        rows = AdjustmentRun.objects.visible_to(actor(request)).select_related("organisation")
        return listed(self, request, rows, AdjustmentRunOut, ordering=("-made_at", "-id"))

    @extend_schema(
        operation_id="usage_rerate", request=RerateIn, responses={200: RerateOut}, parameters=[IDEMPOTENCY_KEY]
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Price recorded usage again by the price books of today. The differences are adjustments."""
        body = RerateIn(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = dict(body.validated_data)
        organisation = organisation_asked(request, wanted.pop("organisation"))
        person_asked(request)
        outcome = operations.rerate_usage(organisation=organisation, actor=actor(request), at=timezone.now(), **wanted)
        return Response(RerateOut(outcome).data)
