"""Metrics that shared cost is split by, over HTTP."""

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.meters.api import month_field
from allocation.shared_cost import operations
from allocation.shared_cost.models import AllocationMetric
from allocation.usage.api.bodies import NotASender
from allocation.usage.api.serializers import IngestOut
from allocation.usage.importers.incoming import MalformedBody, too_many
from governance.people.models import ApiKey
from governance.rest.api import Parameters, actor, listed, requires

VALUES_MAX = 10_000


class MetricFilterIn(Parameters):
    metric = serializers.CharField(required=False)
    month = month_field(required=False)


class MetricOut(serializers.ModelSerializer[AllocationMetric]):
    id = serializers.CharField(source="event_id")
    scope = serializers.CharField(source="scope.path")

    class Meta:
        model = AllocationMetric
        fields = ("source", "id", "metric", "scope", "on", "value", "received_at")
        read_only_fields = fields


@extend_schema(tags=["shared cost"])
class AllocationMetrics(APIView):
    def get_permissions(self) -> list[BasePermission]:
        return [requires("usage:write" if self.request.method == "POST" else "usage:read")()]

    @extend_schema(
        operation_id="allocation_metrics_post",
        request={"application/json": OpenApiTypes.OBJECT},
        responses=IngestOut,
        description='An array of {"source", "id", "metric", "scope", "on", "value"}, or one. A value of a key is'
        " counted once for its source and id; the same one again is a duplicate. What is refused says which field and"
        " what to do, and holds back none of the others.",
    )
    def post(self, request: Request) -> Response:
        if not isinstance(request.auth, ApiKey):
            raise NotASender("Metrics are posted with an API key; its scope says where they may count.")
        values = request.data if isinstance(request.data, list) else [request.data]
        if not values:
            raise MalformedBody("The array is empty; send at least one metric value.", code="body_empty")
        if len(values) > VALUES_MAX:
            raise too_many(VALUES_MAX)
        result = operations.record_metrics(
            values=values, authority=request.auth.scope, sender=request.auth.prefix, at=timezone.now()
        )
        return Response(IngestOut(result).data)

    @extend_schema(operation_id="allocation_metrics_list", parameters=[MetricFilterIn], responses=MetricOut(many=True))
    def get(self, request: Request) -> Response:
        """The values counted at or below the caller's scopes, newest first."""
        wanted = MetricFilterIn.of(request)
        rows = AllocationMetric.objects.visible_to(actor(request)).select_related("scope")
        if "metric" in wanted:
            rows = rows.filter(metric=wanted["metric"])
        if "month" in wanted:
            rows = rows.filter(on__gte=wanted["month"].start, on__lt=wanted["month"].end)
        return listed(self, request, rows, MetricOut, ordering=("-id",))
