"""What attribution reads and says over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from allocation import operations, queries
from allocation.engine.coverage import Coverage, Used
from allocation.models import AttributionKey, AttributionRuleSet
from allocation.queries import OrganisationCoverage
from governance.api import Parameters

SUM_DIGITS = 40
SHOWN_MAX = 1000


class Amount(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=SUM_DIGITS, decimal_places=9, **kwargs)


class Ratio(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=SUM_DIGITS, decimal_places=6, allow_null=True, **kwargs)


class UsedOut(serializers.Serializer[Used]):
    records = serializers.IntegerField()
    requests = serializers.IntegerField()
    tokens = serializers.IntegerField()
    cost = Amount()


class AttributedShareOut(serializers.Serializer[Coverage]):
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
    coverage = AttributedShareOut()


class OrganisationOut(serializers.Serializer[OrganisationCoverage]):
    organisation = serializers.CharField()
    currency = serializers.CharField()
    coverage = AttributedShareOut(source="whole")
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
    before = AttributedShareOut(source="moves.before")
    after = AttributedShareOut(source="moves.after")
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
