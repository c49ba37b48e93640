"""Business outcomes over HTTP: posted by the systems that know them, read by those who see their scope."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.outcomes import operations
from allocation.outcomes.documents import OutcomeEvent
from allocation.outcomes.importers.outcomes import IncomingOutcomes, read_outcome_lines, read_outcomes
from allocation.outcomes.models import Outcome, OutcomeKind
from allocation.outcomes.queries import outcomes
from allocation.usage.api.answers import INGEST_ANSWERS, ingest_answer
from allocation.usage.api.bodies import NotASender, body_of, media_type
from governance.people.models import ApiKey
from governance.rest.api import DayParameters, OneOrMany, ScopeParameters, actor, listed, requires, scope_asked


class OutcomeOut(serializers.ModelSerializer[Outcome]):
    scope = serializers.CharField(source="scope.path")
    success = serializers.BooleanField(source="is_success")
    attributes = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = Outcome
        fields = (
            "id", "source", "event_id", "occurred_at", "received_at", "booked_on", "scope", "attribution", "attributes",
            "kind", "name", "quantity", "success", "value", "quality_score", "safety_flags", "task_ids",
        )  # fmt: skip
        read_only_fields = fields


class OutcomeFilterIn(ScopeParameters, DayParameters):
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False, help_text="Not included.")
    kind = serializers.ChoiceField(choices=OutcomeKind.choices, required=False)
    name = serializers.CharField(required=False)
    success = serializers.BooleanField(required=False, default=None, allow_null=True)
    task_id = serializers.CharField(required=False)
    day_help: ClassVar = {"from": "First UTC day it counts on.", "to": "UTC day after the last it counts on."}


# By content type.
READERS: Mapping[str, Callable[..., IncomingOutcomes]] = {
    **dict.fromkeys(("application/json", ""), read_outcomes),
    **dict.fromkeys(("application/x-ndjson", "application/ndjson", "application/jsonl"), read_outcome_lines),
}
# By parameter, the look-up on the row.
LOOKUPS = {
    "since": "occurred_at__gte", "until": "occurred_at__lt", "from": "booked_on__gte", "to": "booked_on__lt",
    "kind": "kind", "name": "name", "success": "is_success",
}  # fmt: skip


class Outcomes(APIView):
    def get_permissions(self) -> list[Any]:
        return [requires("usage:write" if self.request.method == "POST" else "usage:read")()]

    @extend_schema(
        operation_id="outcomes_post",
        request={"application/json": OneOrMany(OutcomeEvent), "application/x-ndjson": OpenApiTypes.STR},
        responses=INGEST_ANSWERS,
        description="Business outcomes and actions: a JSON array, a JSON object, or one JSON object per line"
        " (application/x-ndjson). Sending the same again is safe: identity is (source, id, occurred_at), and what"
        " another sender said otherwise under it stands beside. An outcome goes to the scope it names, or where its"
        " attributes lead, or to the scope of its task.",
    )
    def post(self, request: Request) -> Response:
        kind = media_type(request)
        if kind not in READERS:
            raise UnsupportedMediaType(kind)
        if not isinstance(request.auth, ApiKey):
            raise NotASender("Outcomes are posted with an API key; its scope says where they may go.")
        incoming = READERS[kind](body_of(request), records_max=settings.USAGE_EVENTS_PER_REQUEST_MAX)
        result = operations.record_outcomes(
            events=incoming.events,
            indexes=incoming.indexes,
            refused=incoming.refused,
            key_scope_id=request.auth.scope_id,
            sender=request.auth.prefix,
            at=timezone.now(),
        )
        return ingest_answer(request, result)

    @extend_schema(operation_id="outcomes_list", parameters=[OutcomeFilterIn], responses=OutcomeOut(many=True))
    def get(self, request: Request) -> Response:
        wanted = OutcomeFilterIn.of(request)
        rows = outcomes(actor=actor(request), scope_id=scope_asked(request, wanted.get("scope")))
        lookups = {lookup: wanted[name] for name, lookup in LOOKUPS.items() if wanted.get(name) is not None}
        if "task_id" in wanted:
            lookups["task_ids__contains"] = [wanted["task_id"]]
        return listed(self, request, rows.filter(**lookups), OutcomeOut, ordering=("-occurred_at", "-id"))
