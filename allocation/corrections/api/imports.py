"""Imports of usage over HTTP: listed, and withdrawn."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.corrections.operations import withdraw_import
from allocation.usage.models import ImportRun
from governance.people.rules import Actor
from governance.rest.api import (
    IDEMPOTENCY_KEY,
    Parameters,
    actor,
    idempotent,
    listed,
    person_asked,
    requires,
    row_asked,
)


class WithdrawalIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)


class UsageImportOut(serializers.ModelSerializer[ImportRun]):
    scope = serializers.CharField(source="scope.path", default=None, allow_null=True)
    costs = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="What the accepted cost, by currency."
    )

    class Meta:
        model = ImportRun
        fields = (
            "id", "file_name", "file_digest", "size_bytes", "source_format", "scope", "status", "records_done",
            "accepted", "duplicate", "rejected", "passed_over", "unpriced", "costs", "error", "started_at",
            "finished_at", "withdrawn_at", "withdrawn_by", "withdrawal_reason",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema(tags=["usage"])
class UsageImports(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="usage_imports_list", responses=UsageImportOut(many=True))
    def get(self, request: Request) -> Response:
        """Files of usage and outcomes that were imported for scopes you may see."""
        Parameters.of(request)
        rows = ImportRun.objects.visible_to(actor(request)).select_related("scope")
        return listed(self, request, rows, UsageImportOut, ordering=("-started_at", "-id"))


@extend_schema(tags=["usage"])
class OneUsageImport(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="usage_import", responses=UsageImportOut)
    def get(self, request: Request, import_id: int) -> Response:
        return Response(UsageImportOut(import_seen(actor(request), import_id)).data)


@extend_schema(tags=["usage"])
class UsageImportWithdrawal(APIView):
    permission_classes = (requires("usage:write"),)

    @extend_schema(
        operation_id="usage_import_withdraw", request=WithdrawalIn, responses=UsageImportOut,
        parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    @idempotent
    def post(self, request: Request, import_id: int) -> Response:
        """Take back what only this import told of, as corrections. The same file may be imported again."""
        body = WithdrawalIn(data=request.data)
        body.is_valid(raise_exception=True)
        run = import_seen(actor(request), import_id)
        person_asked(request)
        withdrawn = withdraw_import(
            import_id=run.pk, reason=body.validated_data["reason"], actor=actor(request), at=timezone.now()
        )
        return Response(UsageImportOut(withdrawn).data)


def import_seen(who: Actor, import_id: int) -> ImportRun:
    """Raises NotFound unless `who` may see the import."""
    return row_asked(ImportRun.objects.visible_to(who).select_related("scope"), "import", pk=import_id)
