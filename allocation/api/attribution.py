"""Attribution over HTTP: what is in force, what a proposal would move, and how much is attributed."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from pydantic import TypeAdapter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation import operations, queries
from allocation.documents import AttributionRulesDocument
from allocation.engine.coverage import Coverage, Used
from allocation.models import AttributionKey, AttributionRuleSet
from allocation.queries import OrganisationCoverage
from governance.api import CursorPagination, Parameters, actor, requires
from governance.documents import SourcedDocument, parse_document

DOCUMENT: TypeAdapter[AttributionRulesDocument] = TypeAdapter(AttributionRulesDocument)
SUM_DIGITS = 40
PREVIEW_DAYS = 30
DAYS_MAX = 3700
SHOWN_MAX = 1000


class Amount(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=SUM_DIGITS, decimal_places=9, **kwargs)


class Ratio(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=8, decimal_places=6, allow_null=True, **kwargs)


class UsedOut(serializers.Serializer[Used]):
    records = serializers.IntegerField()
    requests = serializers.IntegerField()
    tokens = serializers.IntegerField()
    cost = Amount()


class CoverageOut(serializers.Serializer[Coverage]):
    cost = Amount(source="used.cost")
    attributed_cost = Amount(source="attributed.cost")
    cost_ratio = Ratio(help_text="Attributed cost by cost, rounded down; null where nothing cost anything.")
    requests = serializers.IntegerField(source="used.requests")
    attributed_requests = serializers.IntegerField(source="attributed.requests")
    request_ratio = Ratio()
    maturity = serializers.ChoiceField(
        choices=["run", "crawl", "below_crawl", "unknown"],
        help_text="By the share of cost: crawl from 80 %, run from 90 %; unknown without any cost.",
    )


class PartOut(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Day, month, scope path, or what placed the records.")
    share = Ratio(help_text="Of the organisation's cost in the period.")
    coverage = CoverageOut()


class OrganisationOut(serializers.Serializer[OrganisationCoverage]):
    organisation = serializers.CharField()
    currency = serializers.CharField()
    coverage = CoverageOut(source="whole")
    parts = PartOut(many=True)


class CoverageListOut(serializers.Serializer[Any]):
    since = serializers.DateField()
    until = serializers.DateField()
    organisations = OrganisationOut(many=True)


class CoverageIn(Parameters):
    organisation = serializers.CharField(required=False, help_text="Path; default: every one you see as a whole.")
    since = serializers.DateField(required=False, help_text="First UTC day; default: the month's first.")
    until = serializers.DateField(required=False, help_text="UTC day after the last; default: tomorrow.")
    by = serializers.ChoiceField(choices=queries.GROUPINGS, default="day")


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


class MovedOut(serializers.Serializer[operations.Moved]):
    from_scope = serializers.CharField()
    to_scope = serializers.CharField()
    used = UsedOut()
    share = Ratio(help_text="Of the period's cost.")


class PreviewOut(serializers.Serializer[operations.Preview]):
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
    before = CoverageOut(source="moves.before")
    after = CoverageOut(source="moves.after")
    unused = serializers.SerializerMethodField(help_text="Keys and rules that would place no record of the period.")
    unused_count = serializers.SerializerMethodField()
    movements = serializers.SerializerMethodField(help_text="The dearest first.")
    movement_count = serializers.SerializerMethodField()

    def get_unused(self, preview: operations.Preview) -> list[str]:
        return list(preview.moves.unused[: self.context["limit"]])

    def get_unused_count(self, preview: operations.Preview) -> int:
        return len(preview.moves.unused)

    @extend_schema_field(MovedOut(many=True))
    def get_movements(self, preview: operations.Preview) -> Any:
        return [MovedOut(one).data for one in preview.movements[: self.context["limit"]]]

    def get_movement_count(self, preview: operations.Preview) -> int:
        return len(preview.movements)


class RuleSetOut(serializers.ModelSerializer[AttributionRuleSet]):
    organisation = serializers.CharField(source="organisation.path")
    keys = serializers.IntegerField(source="key_count")
    rules = serializers.IntegerField(source="rule_count")

    class Meta:
        model = AttributionRuleSet
        fields: tuple[str, ...] = (
            "name", "version", "organisation", "digest", "applied_at", "applied_by", "keys", "rules",
        )  # fmt: skip
        read_only_fields = fields


class RuleSetDetailOut(RuleSetOut):
    document = serializers.DictField(help_text="The spec as it was applied.")

    class Meta(RuleSetOut.Meta):
        fields = (*RuleSetOut.Meta.fields, "document")
        read_only_fields = fields


class KeyOut(serializers.ModelSerializer[AttributionKey]):
    rule_set = serializers.CharField(source="rule_set.name")
    scope = serializers.CharField(source="scope.path")

    class Meta:
        model = AttributionKey
        fields = ("rule_set", "position", "name", "kind", "value", "scope", "effective_from", "effective_to")
        read_only_fields = fields


class KeyFilterIn(Parameters):
    kind = serializers.ChoiceField(choices=AttributionKey.Kind.choices, required=False)
    value = serializers.CharField(required=False, help_text="Exact.")


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


def parsed(document: dict[str, Any]) -> AttributionRulesDocument:
    return parse_document(DOCUMENT, SourcedDocument(source="document", line=1, data=document, text=""))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def check_period(since: date, until: date) -> None:
    if not since < until <= since + timedelta(days=DAYS_MAX):
        raise serializers.ValidationError(
            {"until": [f"must be later than since, and at most {DAYS_MAX:,} days later."]}
        )
