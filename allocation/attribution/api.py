"""Attribution over HTTP: what is in force, what a proposal would move, and how much is attributed."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from pydantic import TypeAdapter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.models import AttributionKey, AttributionRuleSet
from governance.rest.api import CursorPagination, Parameters, actor, requires


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


DOCUMENT: TypeAdapter[AttributionRulesDocument] = TypeAdapter(AttributionRulesDocument)
PREVIEW_DAYS = 30


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
