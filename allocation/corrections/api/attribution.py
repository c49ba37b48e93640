"""Attributing recorded usage again, over HTTP."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.corrections import operations
from allocation.coverage.api.attribution import SHOWN_MAX, check_period
from allocation.coverage.api.preview import PreviewOut
from governance.calendar.engine import midnight
from governance.rest.api import IDEMPOTENCY_KEY, actor, idempotent, requires


class ReapplyIn(serializers.Serializer[Any]):
    organisation = serializers.CharField(max_length=63)
    since = serializers.DateField(help_text="First UTC day.")
    until = serializers.DateField(help_text="UTC day after the last.")
    reason = serializers.CharField(max_length=500)
    dry_run = serializers.BooleanField(default=False, help_text="Only say what would move.")
    limit = serializers.IntegerField(min_value=1, max_value=SHOWN_MAX, default=50, help_text="Movements shown.")


class ReapplyOut(serializers.Serializer[operations.Reattribution]):
    run = serializers.IntegerField(
        source="run.pk", allow_null=True, default=None, help_text="The adjustment run; null when nothing was written."
    )
    records = serializers.IntegerField(source="run.records", default=0, help_text="Moved.")
    preview = PreviewOut(help_text="What moved, or of a dry run would.")


class AttributionReapply(APIView):
    """Recorded usage attributed again by the rules in force, as corrections; by people of FinOps, not by keys."""

    permission_classes = (requires("usage:write"),)

    @extend_schema(
        operation_id="attribution_reapply", request=ReapplyIn, responses=ReapplyOut, parameters=[IDEMPOTENCY_KEY]
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """A second call finds nothing left to move. A closed month keeps its figures: its movement counts now."""
        body = ReapplyIn(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        check_period(wanted["since"], wanted["until"])
        done = operations.reattribute_usage(
            organisation=wanted["organisation"],
            since=midnight(wanted["since"]),
            until=midnight(wanted["until"]),
            reason=wanted["reason"],
            dry_run=wanted["dry_run"],
            actor=actor(request),
            at=timezone.now(),
        )
        return Response(ReapplyOut(done, context={"limit": wanted["limit"]}).data)
