"""Records in quarantine over HTTP: corrected, replayed, or set aside, each with a reason on record."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.quarantine.api import QuarantinedOut
from allocation.replay import operations
from governance.rest.api import actor, requires


class ReasonIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class CorrectionIn(ReasonIn):
    changes = serializers.DictField(
        allow_empty=False,
        help_text="New values by the event's field, such as `scope`, `occurred_at` or `tokens`; null takes one out.",
    )


class ReplayOut(serializers.Serializer[Any]):
    accepted = serializers.IntegerField(help_text="Counted now.")
    duplicate = serializers.IntegerField(help_text="Counted before, in another way.")
    remaining = serializers.DictField(child=serializers.IntegerField(), help_text="Refused again, by code.")


class QuarantineReplay(APIView):
    permission_classes = [requires("usage:write")]

    @extend_schema(operation_id="quarantine_replay", request=None, responses=ReplayOut)
    def post(self, request: Request, record_id: int) -> Response:
        """Try the record again as it was kept: once the cause is gone it counts."""
        result = operations.replay_one(record_id=record_id, actor=actor(request), at=timezone.now())
        return Response(ReplayOut(result).data)


class QuarantineCorrection(APIView):
    permission_classes = [requires("usage:write")]

    @extend_schema(operation_id="quarantine_correct", request=CorrectionIn, responses=ReplayOut)
    def post(self, request: Request, record_id: int) -> Response:
        """Change fields of the record as it was kept and replay it. Where it would be refused again nothing changes."""
        body = CorrectionIn(data=request.data)
        body.is_valid(raise_exception=True)
        result = operations.correct_quarantined(
            record_id=record_id, **body.validated_data, actor=actor(request), at=timezone.now()
        )
        return Response(ReplayOut(result).data)


class QuarantineSettingAside(APIView):
    permission_classes = [requires("usage:write")]

    @extend_schema(operation_id="quarantine_set_aside", request=ReasonIn, responses=QuarantinedOut)
    def post(self, request: Request, record_id: int) -> Response:
        """Decide that the record will never count."""
        body = ReasonIn(data=request.data)
        body.is_valid(raise_exception=True)
        row = operations.set_aside_quarantined(
            record_id=record_id, reason=body.validated_data["reason"], actor=actor(request), at=timezone.now()
        )
        return Response(QuarantinedOut(row).data)
