"""Attribution over HTTP: what is in force, what a proposal would move, and how much is attributed."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import TypeAdapter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation import operations, queries
from allocation.api.attribution_serializers import (
    CoverageIn,
    CoverageListOut,
    KeyFilterIn,
    KeyOut,
    PreviewIn,
    PreviewOut,
    ReapplyIn,
    ReapplyOut,
    RuleSetDetailOut,
    RuleSetOut,
)
from allocation.documents import AttributionRulesDocument
from allocation.models import AttributionKey, AttributionRuleSet
from governance.api import CursorPagination, Parameters, actor, idempotent, requires
from governance.documents import SourcedDocument, parse_document

DOCUMENT: TypeAdapter[AttributionRulesDocument] = TypeAdapter(AttributionRulesDocument)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="Repeats with the same key have one effect."
)
PREVIEW_DAYS = 30
DAYS_MAX = 3700


class ByName(CursorPagination):
    ordering = ("name", "-version")  # type: ignore[assignment]  # DRF takes both


class InOrder(CursorPagination):
    ordering = ("rule_set_id", "position")  # type: ignore[assignment]  # DRF takes both


class AttributionRuleSets(APIView):
    """The rule sets in force."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_rules_list", responses=RuleSetOut(many=True))
    def get(self, request: Request) -> Response:
        Parameters.of(request)
        page = ByName()
        shown = page.paginate_queryset(in_force(request), request, view=self)
        return page.get_paginated_response(RuleSetOut(shown, many=True).data)


class AttributionRuleSetDetail(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_rules_get", responses=RuleSetDetailOut)
    def get(self, request: Request, name: str) -> Response:
        """A rule set in force, with the document that it was applied from."""
        return Response(RuleSetDetailOut(get_object_or_404(in_force(request), name=name)).data)


def in_force(request: Request) -> QuerySet[AttributionRuleSet]:
    visible = AttributionRuleSet.objects.visible_to(actor(request)).filter(is_current=True)
    return visible.counted().select_related("organisation")


class AttributionKeys(APIView):
    """Which key means which scope, of the rule sets in force."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_keys_list", parameters=[KeyFilterIn], responses=KeyOut(many=True))
    def get(self, request: Request) -> Response:
        rows = AttributionKey.objects.visible_to(actor(request)).filter(rule_set__is_current=True)
        rows = rows.filter(**KeyFilterIn.of(request)).select_related("rule_set", "scope")
        page = InOrder()
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(KeyOut(shown, many=True).data)


class AttributionCoverage(APIView):
    """The share of cost and of requests that lies on a scope other than the organisation's unattributed one."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_coverage", parameters=[CoverageIn], responses=CoverageListOut)
    def get(self, request: Request) -> Response:
        wanted, who = CoverageIn.of(request), actor(request)
        today = timezone.now().astimezone(UTC).date()
        since, until = wanted.get("since", today.replace(day=1)), wanted.get("until", today + timedelta(days=1))
        check_period(since, until)
        named = wanted.get("organisation")
        organisations = queries.coverage(
            actor=who,
            since=midnight(since),
            until=midnight(until),
            by=wanted["by"],
            organisation_ids=None if named is None else [operations.organisation_seen(named, who).id],
        )
        return Response(CoverageListOut({"since": since, "until": until, "organisations": organisations}).data)


class AttributionPreview(APIView):
    """What proposed rules would move, on usage that is recorded. Nothing is written."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_preview", request=PreviewIn, responses=PreviewOut)
    def post(self, request: Request) -> Response:
        body = PreviewIn(data=request.data)
        body.is_valid(raise_exception=True)
        wanted, now = body.validated_data, timezone.now()
        until = wanted.get("until", now.astimezone(UTC).date() + timedelta(days=1))
        since = wanted.get("since", until - timedelta(days=PREVIEW_DAYS))
        check_period(since, until)
        preview = operations.preview_attribution(
            organisation=wanted["organisation"],
            documents=[parsed(wanted["document"])] if "document" in wanted else [],
            since=midnight(since),
            until=midnight(until),
            actor=actor(request),
            at=now,
        )
        return Response(PreviewOut(preview, context={"limit": wanted["limit"]}).data)


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


def parsed(document: dict[str, Any]) -> AttributionRulesDocument:
    return parse_document(DOCUMENT, SourcedDocument(source="document", line=1, data=document, text=""))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def check_period(since: date, until: date) -> None:
    if not since < until <= since + timedelta(days=DAYS_MAX):
        raise serializers.ValidationError(
            {"until": [f"must be later than since, and at most {DAYS_MAX:,} days later."]}
        )
