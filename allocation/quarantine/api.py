"""The quarantine over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.quarantine.models import QuarantinedUsage
from governance.rest.api import Parameters, actor, listed, requires


class QuarantinedOut(serializers.ModelSerializer[QuarantinedUsage]):
    authority = serializers.CharField(source="authority.path", allow_null=True, default=None)

    class Meta:
        model = QuarantinedUsage
        fields = (
            "id", "authority", "source_format", "code", "field", "message", "payload", "dropped_fields", "digest",
            "size_bytes", "first_seen_at", "last_seen_at", "seen_count", "replayed_at", "set_aside_at",
            "amount", "currency", "is_estimate",
        )  # fmt: skip
        read_only_fields = fields


class QuarantineFilterIn(Parameters):
    code = serializers.CharField(required=False)
    replayed = serializers.BooleanField(required=False, default=False)


class Quarantine(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="quarantine_list", parameters=[QuarantineFilterIn], responses=QuarantinedOut(many=True))
    def get(self, request: Request) -> Response:
        wanted = QuarantineFilterIn.of(request)
        rows = QuarantinedUsage.objects.visible_to(actor(request)).select_related("authority")
        rows = rows.filter(replayed_at__isnull=False) if wanted["replayed"] else rows.waiting()
        if "code" in wanted:
            rows = rows.filter(code=wanted["code"])
        return listed(self, request, rows, QuarantinedOut, ordering=("-last_seen_at", "-id"))
