"""Attribution over HTTP: the rule sets and keys in force."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from pydantic import TypeAdapter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.models import AttributionKey, AttributionRuleSet
from governance.rest.api import Parameters, actor, listed, requires, row_asked


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


class AttributionRuleSets(APIView):
    """The rule sets in force."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_rules_list", responses=RuleSetOut(many=True))
    def get(self, request: Request) -> Response:
        Parameters.of(request)
        return listed(self, request, in_force(request), RuleSetOut, ordering=("name", "-version"))


class AttributionRuleSetDetail(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_rules_get", responses=RuleSetDetailOut)
    def get(self, request: Request, name: str) -> Response:
        """A rule set in force, with the document that it was applied from."""
        return Response(RuleSetDetailOut(row_asked(in_force(request), "rule set", name=name)).data)


def in_force(request: Request) -> QuerySet[AttributionRuleSet]:
    """Current rule sets the caller may see, each with the number of its keys and rules."""
    visible = AttributionRuleSet.objects.visible_to(actor(request)).filter(is_current=True)
    return visible.counted().select_related("organisation")


class AttributionKeys(APIView):
    """Which key means which scope, of the rule sets in force."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_keys_list", parameters=[KeyFilterIn], responses=KeyOut(many=True))
    def get(self, request: Request) -> Response:
        rows = AttributionKey.objects.visible_to(actor(request)).filter(rule_set__is_current=True)
        rows = rows.filter(**KeyFilterIn.of(request)).select_related("rule_set", "scope")
        return listed(self, request, rows, KeyOut, ordering=("rule_set_id", "position"))
