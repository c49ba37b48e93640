"""Shared cost over HTTP: what was shared to a scope and why, the allocation runs, and the declared splits."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.meters.api import BY_NAME, exact, month_asked, month_field
from allocation.shared_cost import operations
from allocation.shared_cost import queries as shared_cost_queries
from allocation.shared_cost.models import AllocatedCharge, AllocationRun, SharedCostSplit
from allocation.shared_cost.queries import shared_cost
from governance.rest.api import (
    IDEMPOTENCY_KEY,
    Parameters,
    actor,
    idempotent,
    listed,
    narrowed,
    organisation_asked,
    requires,
    row_asked,
    visible_scope,
)


class SharedCostIn(Parameters):
    scope = serializers.CharField(max_length=1000, help_text="Path: the scope and all below it.")
    month = month_field(required=False)


class SharedLineOut(serializers.Serializer[shared_cost_queries.SharedLine]):
    pool = serializers.CharField()
    version = serializers.IntegerField(help_text="Of the split's document.")
    origin = serializers.CharField(help_text="The scope the cost was shared from.")
    source = serializers.CharField()  # type: ignore[assignment]  # a field, which DRF takes off the class
    method = serializers.CharField()
    method_id = serializers.CharField(help_text="FOCUS's AllocatedMethodId.")
    ratio = serializers.DecimalField(max_digits=16, decimal_places=12, help_text="Of the pool's amount.")
    amount = exact()
    pool_amount = exact()
    usage_unit = serializers.CharField(help_text="What drove the ratio.")
    usage_quantity = exact()
    recipients = serializers.IntegerField(help_text="How many parts of the split this is the sum of.")
    rules = serializers.ListField(child=serializers.CharField(), help_text="Named rules that were applied.")
    why = serializers.CharField()
    records = serializers.CharField(help_text="The usage records behind the pool; empty where there are none to see.")


class RunOut(serializers.ModelSerializer[AllocationRun]):
    organisation = serializers.CharField(source="organisation.path")
    month = serializers.SerializerMethodField()
    superseded_by = serializers.IntegerField(source="superseded_by.pk", default=None, allow_null=True)

    class Meta:
        model = AllocationRun
        fields = (
            *("id", "organisation", "month", "period_start", "period_end", "status", "made_at", "made_by", "reason"),
            *("problem", "supersedes", "superseded_by"),
        )
        read_only_fields = fields

    def get_month(self, run: AllocationRun) -> str:
        return f"{run.period_start:%Y-%m}"


class SharedCostOut(serializers.Serializer[shared_cost_queries.SharedCost]):
    scope = serializers.CharField()
    month = month_field()
    currency = serializers.CharField()
    run = RunOut(allow_null=True, help_text="null: this month's shared cost has not been split.")
    direct = exact(help_text="Usage of the scope and all below it.")
    external = exact(help_text="Amounts held here that no usage record holds.")
    shared_in_total = exact()
    shared_out_total = exact()
    committed = exact(help_text="What commitments cost in place of what the usage they cover was booked at.")
    fully_loaded = exact(help_text="direct + committed + external + shared in - shared out")
    shared_in = SharedLineOut(many=True)
    shared_out = SharedLineOut(many=True)


class SplitOut(serializers.ModelSerializer[SharedCostSplit]):
    organisation = serializers.CharField(source="organisation.path")
    origin = serializers.CharField(source="origin.path")
    document = serializers.JSONField(help_text="The spec as it was applied.")

    class Meta:
        model = SharedCostSplit
        fields = (
            *("name", "version", "organisation", "pool_source", "origin", "method", "effective_from", "effective_to"),
            *("is_current", "document", "digest", "applied_at", "applied_by"),
        )
        read_only_fields = fields


class SplitFilterIn(Parameters):
    name = serializers.CharField(required=False, help_text="Every version of the split of this name.")


class RunIn(serializers.Serializer[Any]):
    organisation = serializers.CharField(max_length=63)
    month = month_field()
    reason = serializers.CharField(max_length=2000, default="", allow_blank=True)


class RunFilterIn(Parameters):
    organisation = serializers.CharField(required=False)
    month = month_field(required=False)
    status = serializers.ChoiceField(choices=["provisional", "final", "failed"], required=False)


class ChargeFilterIn(Parameters):
    run = serializers.IntegerField(required=False, help_text="Left out: the standing runs.")
    month = month_field(required=False)
    scope = serializers.CharField(required=False, help_text="Path: who bears it, at or below.")
    pool = serializers.CharField(required=False, help_text="Name of the split.")


class AllocatedChargeOut(serializers.ModelSerializer[AllocatedCharge]):
    month = serializers.SerializerMethodField()
    pool = serializers.CharField(source="pool.split.name")
    version = serializers.IntegerField(source="pool.split.version")
    origin = serializers.CharField(source="pool.origin.path")
    target = serializers.CharField(source="target.path", help_text="Who bears it; the origin for what the pool keeps.")
    method = serializers.CharField(source="pool.method")
    method_id = serializers.CharField(source="pool.method_id")
    usage_unit = serializers.CharField(source="pool.usage_unit")

    class Meta:
        model = AllocatedCharge
        fields = (
            *("id", "run", "month", "pool", "version", "origin", "recipient", "target", "ratio", "amount"),
            *("usage_unit", "usage_quantity", "method", "method_id", "rule"),
        )
        read_only_fields = fields

    def get_month(self, charge: AllocatedCharge) -> str:
        return f"{charge.run.period_start:%Y-%m}"


@extend_schema(tags=["shared cost"])
class SharedCost(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="shared_cost", parameters=[SharedCostIn], responses=SharedCostOut)
    def get(self, request: Request) -> Response:
        """What was shared to a scope and from it in a month, by which method and why, and its fully loaded cost."""
        wanted = SharedCostIn.of(request)
        scope = visible_scope(request, wanted["scope"])
        cost = shared_cost(actor=actor(request), scope_id=scope.pk, month=month_asked(wanted))
        return Response(SharedCostOut(cost).data)


@extend_schema(tags=["shared cost"])
class SharedCostSplits(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="shared_cost_splits_list", parameters=[SplitFilterIn], responses=SplitOut(many=True))
    def get(self, request: Request) -> Response:
        """The declared splits, or all versions of one."""
        wanted = SplitFilterIn.of(request)
        chosen = {"name": wanted["name"]} if "name" in wanted else {"is_current": True}
        rows = SharedCostSplit.objects.visible_to(actor(request)).filter(**chosen)
        return listed(self, request, rows.select_related("organisation", "origin"), SplitOut, ordering=BY_NAME)


@extend_schema(tags=["shared cost"])
class AllocationRuns(APIView):
    def get_permissions(self) -> list[BasePermission]:
        return [requires("usage:write" if self.request.method == "POST" else "usage:read")()]

    @extend_schema(operation_id="allocation_runs_list", parameters=[RunFilterIn], responses=RunOut(many=True))
    def get(self, request: Request) -> Response:
        """Runs of the organisations the caller sees whole, newest first."""
        wanted = RunFilterIn.of(request)
        rows = runs_of(request)
        if "organisation" in wanted:
            rows = rows.filter(organisation=organisation_asked(request, wanted["organisation"]))
        if "month" in wanted:
            rows = rows.filter(period_start=wanted["month"].start)
        if "status" in wanted:
            rows = rows.filter(status=wanted["status"])
        return listed(self, request, rows, RunOut, ordering=("-id",))

    @extend_schema(
        operation_id="allocation_run", request=RunIn, responses={200: RunOut, 201: RunOut}, parameters=[IDEMPOTENCY_KEY]
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Splits a month's shared cost: 201 with the new run, 200 with the standing one when nothing has changed. A run
        that cannot be split has the status failed and says why; the one before it stands.
        """
        body = RunIn(data=request.data)
        body.is_valid(raise_exception=True)
        organisation = visible_scope(request, body.validated_data["organisation"])
        result = operations.run_allocation(
            organisation=organisation,
            month=body.validated_data["month"],
            reason=body.validated_data["reason"],
            actor=actor(request),
            at=timezone.now(),
        )
        return Response(RunOut(result.run).data, status=201 if result.is_new else 200)


@extend_schema(tags=["shared cost"])
class AllocationRunDetail(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="allocation_runs_retrieve", responses=RunOut)
    def get(self, request: Request, run_id: int) -> Response:
        return Response(RunOut(row_asked(runs_of(request), "run", pk=run_id)).data)


@extend_schema(tags=["shared cost"])
class AllocatedCharges(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(
        operation_id="allocated_charges_list", parameters=[ChargeFilterIn], responses=AllocatedChargeOut(many=True)
    )
    def get(self, request: Request) -> Response:
        """Every part of every pool that the caller's scopes bear or give, newest run first."""
        wanted = ChargeFilterIn.of(request)
        rows = AllocatedCharge.objects.visible_to(actor(request)).filter(_charge_filter(wanted))
        rows = narrowed(rows, request, wanted.get("scope"), to="target")
        related = rows.select_related("run", "pool__split", "pool__origin", "target")
        return listed(self, request, related, AllocatedChargeOut, ordering=("-id",))


def _charge_filter(wanted: dict[str, Any]) -> Q:
    chosen = Q(run=wanted["run"]) if "run" in wanted else Q(run__in=AllocationRun.objects.in_force())
    if "month" in wanted:
        chosen &= Q(run__period_start=wanted["month"].start)
    if "pool" in wanted:
        chosen &= Q(pool__split__name=wanted["pool"])
    return chosen


def runs_of(request: Request) -> QuerySet[AllocationRun]:
    return AllocationRun.objects.visible_to(actor(request)).select_related("organisation", "superseded_by")
