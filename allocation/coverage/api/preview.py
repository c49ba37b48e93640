"""What proposed attribution rules would move, over HTTP."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.attribution.api import DOCUMENT
from allocation.attribution.documents import AttributionRulesDocument
from allocation.coverage.api.attribution import SHOWN_MAX, AttributedShareOut, Ratio, UsedOut, check_period
from allocation.coverage.operations import PREVIEW_DAYS, NamedMove, Preview, preview_attribution
from governance.calendar.engine import DAY, day_of, midnight
from governance.documents import SourcedDocument, parse_document
from governance.rest.api import actor, requires


class PreviewIn(serializers.Serializer[Any]):
    organisation = serializers.CharField(
        max_length=63, default="", help_text="Without a document: the rules in force, on usage that came before them."
    )
    document = serializers.DictField(required=False, help_text="A proposed AttributionRules document, as JSON.")
    since = serializers.DateField(required=False, help_text="First UTC day; default: 30 days before `until`.")
    until = serializers.DateField(required=False, help_text="UTC day after the last; default: tomorrow.")
    limit = serializers.IntegerField(min_value=1, max_value=SHOWN_MAX, default=50, help_text="Movements shown.")


class ChangeOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    action = serializers.CharField()
    differences = serializers.ListField(child=serializers.CharField())


class MovedOut(serializers.Serializer[NamedMove]):
    from_scope = serializers.CharField()
    to_scope = serializers.CharField()
    used = UsedOut()
    share = Ratio(help_text="Of the period's cost.")


class PreviewOut(serializers.Serializer[Preview]):
    organisation = serializers.CharField(source="organisation.path")
    currency = serializers.CharField(source="organisation.currency")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    changes = ChangeOut(many=True, help_text="What applying the document would do.")
    used = UsedOut(source="moves.used", help_text="All usage of the period, moved or not.")
    moved = UsedOut(source="moves.moved")
    moved_ratio = Ratio(source="moves.moved_ratio", help_text="Of the period's cost.")
    newly_attributed = UsedOut(source="moves.newly_attributed")
    newly_unattributed = UsedOut(source="moves.newly_unattributed")
    before = AttributedShareOut(source="moves.before")
    after = AttributedShareOut(source="moves.after")
    unused = serializers.SerializerMethodField(help_text="Keys and rules that would place no record of the period.")
    unused_count = serializers.SerializerMethodField()
    movements = serializers.SerializerMethodField(help_text="The dearest first.")
    movement_count = serializers.SerializerMethodField()

    def get_unused(self, preview: Preview) -> list[str]:
        return list(preview.moves.unused[: self.context["limit"]])

    def get_unused_count(self, preview: Preview) -> int:
        return len(preview.moves.unused)

    @extend_schema_field(MovedOut(many=True))
    def get_movements(self, preview: Preview) -> Any:
        return [MovedOut(move).data for move in preview.movements[: self.context["limit"]]]

    def get_movement_count(self, preview: Preview) -> int:
        return len(preview.movements)


class AttributionPreview(APIView):
    """What proposed rules would move, on usage that is recorded. Nothing is written."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_preview", request=PreviewIn, responses=PreviewOut)
    def post(self, request: Request) -> Response:
        body = PreviewIn(data=request.data)
        body.is_valid(raise_exception=True)
        wanted, now = body.validated_data, timezone.now()
        until = wanted.get("until", day_of(now) + DAY)
        since = wanted.get("since", until - timedelta(days=PREVIEW_DAYS))
        check_period(since, until)
        preview = preview_attribution(
            organisation=wanted["organisation"],
            documents=[parsed(wanted["document"])] if "document" in wanted else [],
            since=midnight(since),
            until=midnight(until),
            actor=actor(request),
            at=now,
        )
        return Response(PreviewOut(preview, context={"limit": wanted["limit"]}).data)


def parsed(document: dict[str, Any]) -> AttributionRulesDocument:
    """Raises what parse_document raises; faults name the source `document`."""
    return parse_document(DOCUMENT, SourcedDocument(source="document", line=1, data=document, text=""))
