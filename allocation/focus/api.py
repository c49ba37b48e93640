"""FOCUS over HTTP: imported files and their rows, and an organisation's charges as a file."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.corrections.api.imports import WithdrawalIn
from allocation.focus.engine.layout import EXPORTED
from allocation.focus.models import FocusFormat, FocusImport, FocusRow, FocusRowStatus
from allocation.focus.operations import withdraw_focus_import
from allocation.focus.queries import export_for, focus_csv, import_csv, import_parquet, unpriced_lines, write_parquet
from governance.calendar.engine import month_after
from governance.errors import Invalid, NotFound
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
    visible_node,
)
from governance.scopes.engine import is_at_or_below
from governance.scopes.queries import scope_tree

CSV, PARQUET = "text/csv; charset=utf-8", "application/vnd.apache.parquet"
MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
FILE = {
    (200, "text/csv"): OpenApiTypes.STR,
    (200, PARQUET): OpenApiTypes.BINARY,
    404: OpenApiResponse(description="There is no such organisation, scope or import among those you may see."),
}


class FocusImportOut(serializers.ModelSerializer[FocusImport]):
    scope = serializers.CharField(source="scope.path")

    class Meta:
        model = FocusImport
        fields = (
            "id", "file_name", "file_digest", "size_bytes", "file_format", "version", "scope", "columns", "status",
            "rows_done", "charges", "repeats", "quarantined", "used", "error", "started_at", "started_by",
            "finished_at", "is_additional", "replaced_by", "withdrawn_at", "withdrawn_by", "withdrawal_reason",
        )  # fmt: skip
        read_only_fields = fields


class FocusRowOut(serializers.ModelSerializer[FocusRow]):
    scope = serializers.CharField(source="scope.path")
    source = serializers.IntegerField(source="source_id", help_text="The import.")  # type: ignore[assignment]  # a field, which DRF takes off the class
    cells = serializers.ListField(
        child=serializers.CharField(allow_null=True), help_text="As they stood, in the order of the import's columns."
    )
    notes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = FocusRow
        fields = (
            "id", "source", "row_number", "scope", "attribution", "status", "code", "field", "message", "notes",
            "billing_period_start", "billing_period_end", "charge_period_start", "charge_period_end", "charge_category",
            "charge_class", "currency", "billed_cost", "effective_cost", "list_cost", "contracted_cost",
            "service_category", "service_name", "sku_id", "sub_account", "billing_account", "usage_record_id",
            "booked_at", "released_at", "taken_back_at", "reversed_at", "cells",
        )  # fmt: skip
        read_only_fields = fields


class RowFilterIn(Parameters):
    status = serializers.ChoiceField(choices=FocusRowStatus.choices, required=False)
    code = serializers.CharField(required=False, help_text="Why it is quarantined, or was not counted as usage.")
    row_number = serializers.IntegerField(required=False, min_value=1)
    usage_record_id = serializers.UUIDField(required=False, help_text="The usage record it was counted as.")


class FileIn(Parameters):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`format` is a word of DRF's own."""
        return {**super().get_fields(), "format": serializers.ChoiceField(choices=FocusFormat.choices, default="csv")}


class ExportIn(FileIn):
    version = serializers.ChoiceField(choices=EXPORTED, default=EXPORTED[-1], help_text="Of FOCUS.")
    period = serializers.RegexField(MONTH, help_text="Month, such as 2026-10.")
    organisation = serializers.CharField()
    scope = serializers.CharField(required=False, help_text="Path: only the scope and all below it.")


class FocusImports(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="focus_imports_list", responses=FocusImportOut(many=True))
    def get(self, request: Request) -> Response:
        Parameters.of(request)
        rows = FocusImport.objects.visible_to(actor(request)).select_related("scope")
        return listed(self, request, rows, FocusImportOut, ordering=("-started_at", "-id"))


class OneFocusImport(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="focus_import", responses=FocusImportOut)
    def get(self, request: Request, import_id: int) -> Response:
        return Response(FocusImportOut(import_seen(actor(request), import_id)).data)


class FocusImportWithdrawal(APIView):
    permission_classes = [requires("usage:write")]

    @extend_schema(
        operation_id="focus_import_withdraw", request=WithdrawalIn, responses=FocusImportOut,
        parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    @idempotent
    def post(self, request: Request, import_id: int) -> Response:
        """Take back what the import brought and no other file in force states. The same file may be imported again."""
        body = WithdrawalIn(data=request.data)
        body.is_valid(raise_exception=True)
        source = import_seen(actor(request), import_id)
        person_asked(request)
        withdrawn = withdraw_focus_import(
            import_id=source.pk, reason=body.validated_data["reason"], actor=actor(request), at=timezone.now()
        )
        return Response(FocusImportOut(withdrawn).data)


class FocusImportRows(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="focus_import_rows", parameters=[RowFilterIn], responses=FocusRowOut(many=True))
    def get(self, request: Request, import_id: int) -> Response:
        """A row is shown to who may see the scope it was attributed to."""
        wanted = RowFilterIn.of(request)
        source = import_seen(actor(request), import_id)
        rows = FocusRow.objects.visible_to(actor(request)).filter(source=source, **wanted).select_related("scope")
        return listed(self, request, rows, FocusRowOut, ordering=("row_number",))


class FocusImportExport(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(
        operation_id="focus_import_export",
        parameters=[FileIn],
        responses=FILE,
        description="The rows of one import as they stood: its columns, its cells, quarantined rows among them.",
    )
    def get(self, request: Request, import_id: int) -> HttpResponseBase:
        wanted = FileIn.of(request)
        source = import_seen(actor(request), import_id)
        name = f"focus-import-{source.pk}"
        if wanted["format"] == FocusFormat.PARQUET:
            return parquet_file(name, lambda out: import_parquet(source, out))
        return csv_stream(name, import_csv(source))


class FocusExportFile(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(
        operation_id="focus_export",
        parameters=[ExportIn],
        responses=FILE,
        description="The month's charges of an organisation, streamed: a row per scope, day, model and kind of token,"
        " and every imported charge. Weir-Unpriced-Lines says how many lines nobody has stated a price for; those are"
        " no charges and not in the file.",
    )
    def get(self, request: Request) -> HttpResponseBase:
        wanted = ExportIn.of(request)
        who = actor(request)
        organisation, scope_id = scope_ids(who, wanted["organisation"], wanted.get("scope"))
        since = date.fromisoformat(f"{wanted['period']}-01")
        until = month_after(since)
        export = export_for(
            actor=who,
            organisation_id=organisation,
            since=since,
            until=until,
            version=wanted["version"],
            scope_id=scope_id,
        )
        name = f"focus-{wanted['version']}-{wanted['organisation']}-{wanted['period']}"
        answer = (
            parquet_file(name, lambda out: write_parquet(export, out))
            if wanted["format"] == FocusFormat.PARQUET
            else csv_stream(name, focus_csv(export))
        )
        answer["Weir-Unpriced-Lines"] = str(unpriced_lines(export))
        return answer


def scope_ids(who: Actor, organisation: str, scope: str | None) -> tuple[int, int | None]:
    """Ids of the organisation, of which `who` may see only a part, and of the scope. Raises scope_unknown, and
    validation_failed for a scope of another organisation.
    """
    tree = scope_tree()
    root = tree.by_path.get(organisation)
    # Before anything is asked of `root`: an organisation of others takes no longer than one that nobody has.
    visible = who.sees_everything or any(is_at_or_below(top, organisation) for top in who.visible_paths)
    if root is None or root.parent_id is not None or not visible:
        raise NotFound("There is no such organisation among those you may see.", code="scope_unknown")
    if scope is None:
        return root.id, None
    node = visible_node(tree, who, scope)
    if node.root_id != root.id:
        raise Invalid(f"scope lies outside {organisation}.", code="validation_failed")
    return root.id, node.id


def import_seen(who: Actor, import_id: int) -> FocusImport:
    """Raises NotFound unless `who` may see the import."""
    return row_asked(FocusImport.objects.visible_to(who).select_related("scope"), "import", pk=import_id)


def csv_stream(name: str, pieces: Iterator[bytes]) -> HttpResponseBase:
    answer = StreamingHttpResponse(pieces, content_type=CSV)
    answer["Content-Disposition"] = f'attachment; filename="{file_name(name)}.csv"'
    return answer


def parquet_file(name: str, write: Callable[[Path], None]) -> HttpResponseBase:
    """A Parquet file ends with its table of contents, so it is written to disk before it is sent."""
    with TemporaryDirectory(prefix="weir-focus-") as folder:
        path = Path(folder) / "export.parquet"
        write(path)
        # The file stays open and readable after its folder is removed.
        file = path.open("rb")
    return FileResponse(file, as_attachment=True, filename=f"{file_name(name)}.parquet", content_type=PARQUET)


def file_name(text: str) -> str:
    """With a dash for every character that a header or file system may not take."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)
