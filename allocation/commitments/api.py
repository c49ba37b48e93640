"""Commitments over HTTP, each with what it covered in a month."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.commitments import queries
from allocation.commitments.engine.covered_months import CommitmentMonth
from allocation.commitments.engine.words import sentence
from allocation.commitments.models import Commitment
from allocation.meters.api import BY_NAME, exact, month_asked, month_field
from governance.calendar.engine import day_of
from governance.rest.api import Parameters, actor, listed, requires


class CommitmentFilterIn(Parameters):
    month = month_field(required=False)


class CommitmentMonthOut(serializers.Serializer[CommitmentMonth]):
    """Units are the commitment's own."""

    month = month_field()
    amount = exact()
    committed_units = exact()
    eligible_units = exact(help_text="Could have been covered.")
    covered_units = exact()
    on_demand_units = exact(help_text="Paid for beside it.")
    coverage = exact(allow_null=True, help_text="covered / eligible")
    utilisation = exact(allow_null=True, help_text="covered / committed")
    unused_amount = exact(help_text="The amount's part for units nobody used.")
    booked_cost = exact(help_text="What the covered usage was booked at.")
    idle_cost = exact(help_text="amount - booked_cost, never below zero: what a split of idle capacity shares.")
    break_even_units = exact(allow_null=True, help_text="From here on it is cheaper than on demand.")
    break_even_utilisation = exact(allow_null=True)
    cost_per_useful_unit = exact(allow_null=True, help_text="amount / covered, such as the cost of a useful GPU hour.")
    saving = exact(allow_null=True, help_text="Against on demand; below zero when on demand had been cheaper.")
    summary = serializers.SerializerMethodField(help_text="In one sentence: money, its cause, and what to do.")

    def get_summary(self, covered: CommitmentMonth) -> str:
        return sentence(covered, self.context["currency"], day_of(timezone.now()))


class CommitmentOut(serializers.ModelSerializer[Commitment]):
    organisation = serializers.CharField(source="organisation.path")
    scope = serializers.CharField(source="scope.path", help_text="Whose usage it covers.")
    models_covered = serializers.ListField(child=serializers.CharField())
    unit = serializers.CharField(help_text="What units_per_month counts: gpu_hour, token, request or money.")
    in_month = serializers.SerializerMethodField(help_text="null when it is not in force in the month.")

    class Meta:
        model = Commitment
        fields = (
            *("name", "version", "organisation", "kind", "provider", "models_covered", "scope", "currency"),
            *("amount_per_month", "unit", "units_per_month", "on_demand_unit_price", "starts_on", "ends_on"),
            "in_month",
        )
        read_only_fields = fields

    @extend_schema_field(CommitmentMonthOut(allow_null=True))
    def get_in_month(self, commitment: Commitment) -> Any:
        month = self.context["months"].get((commitment.organisation_id, commitment.name))
        return None if month is None else CommitmentMonthOut(month, context={"currency": commitment.currency}).data


@extend_schema(tags=["shared cost"])
class Commitments(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="commitments_list", parameters=[CommitmentFilterIn], responses=CommitmentOut(many=True))
    def get(self, request: Request) -> Response:
        """Commitments of the organisations the caller sees whole: coverage, utilisation, what lay idle, break-even."""
        month = month_asked(CommitmentFilterIn.of(request))
        rows = Commitment.objects.visible_to(actor(request)).filter(is_current=True)

        def months(page: list[Commitment]) -> dict[str, Any]:
            return {
                "months": {
                    (organisation_id, covered.commitment.name): covered
                    for organisation_id in {row.organisation_id for row in page}
                    for covered in queries.commitments_in(organisation_id, month)
                }
            }

        rows = rows.select_related("organisation", "scope")
        return listed(self, request, rows, CommitmentOut, ordering=BY_NAME, context_of=months)
