"""Usage over HTTP: records posted by senders, and read by those who see their scope."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.meters.documents import UsageEvent
from allocation.sources.documents import PriceFrom
from allocation.usage import operations, queries
from allocation.usage.api.answers import INGEST_ANSWERS, ingest_answer
from allocation.usage.api.bodies import body_of, media_type, sender
from allocation.usage.api.gathered import record_submission
from allocation.usage.api.serializers import (
    PriceIn,
    RecordFilterIn,
    SummaryIn,
    SummaryOut,
    UsageRecordOut,
)
from allocation.usage.engine.traced_calls import TracedCalls
from allocation.usage.importers.cloudevents import TYPE, read_cloudevent, read_cloudevents
from allocation.usage.importers.incoming import Incoming
from allocation.usage.importers.litellm import read_payloads
from allocation.usage.importers.native import read_json, read_ndjson
from governance.calendar.engine import DAY, first_of_month, midnight
from governance.rest.api import OneOrMany, actor, listed, requires, scope_asked

# By content type: the format's name, and the function that reads it.
READERS: dict[str, tuple[str, Callable[..., Incoming]]] = {
    **dict.fromkeys(("application/json", ""), ("native", read_json)),
    **dict.fromkeys(("application/x-ndjson", "application/ndjson", "application/jsonl"), ("native", read_ndjson)),
    "application/cloudevents+json": ("cloudevents", read_cloudevent),
    "application/cloudevents-batch+json": ("cloudevents", read_cloudevents),
}
EXACT = ("provider", "model", "service_tier", "price_source", "source", "status")


def record(
    request: Request,
    incoming: Incoming,
    source_format: str,
    price: PriceFrom | None = None,
    traced: TracedCalls | None = None,
) -> operations.IngestResult:
    """Records what was read, by the key of the request. Raises key_required for anyone but an API key."""
    key = sender(request)
    return record_submission(
        operations.Submission(
            events=incoming.events,
            indexes=incoming.indexes,
            refused=incoming.refused,
            key_scope_id=key.scope_id,
            source_format=source_format,
            weir_key=key.prefix,
            price=price,
            traced=traced,
            folded=settings.USAGE_FOLDED_IN_REQUEST,
        )
    )


class Usage(APIView):
    """Usage records: written once by a gateway or importer, read by whoever owns the scope."""

    def get_permissions(self) -> list[Any]:
        return [requires("usage:write" if self.request.method == "POST" else "usage:read")()]

    @extend_schema(
        operation_id="usage_post",
        request={
            "application/json": OneOrMany(UsageEvent),
            "application/x-ndjson": OpenApiTypes.STR,
        },
        responses=INGEST_ANSWERS,
        # CloudEvents stand in words: beside them, generated clients take no array of events.
        description="A JSON array, a JSON object, one JSON object per line (application/x-ndjson), or CloudEvents 1.0"
        f" of type {TYPE} whose data is a usage event (application/cloudevents+json, or an array of them as"
        " application/cloudevents-batch+json). Rejected records do not hold back the others; when every one is rejected"
        " the answer is 422 with the same members. Sending the same"
        " records again is safe: identity is (source, id, occurred_at), or (source, id) of an event whose `identity` is"
        " `id`.",
    )
    def post(self, request: Request) -> Response:
        source_format, read = READERS.get(media_type(request), (None, None))
        if source_format is None or read is None:
            raise UnsupportedMediaType(media_type(request))
        incoming = read(body_of(request), records_max=settings.USAGE_EVENTS_PER_REQUEST_MAX)
        return ingest_answer(request, record(request, incoming, source_format))

    @extend_schema(operation_id="usage_list", parameters=[RecordFilterIn], responses=UsageRecordOut(many=True))
    def get(self, request: Request) -> Response:
        wanted = RecordFilterIn.of(request)
        records = queries.usage_records(
            actor=actor(request), scope_id=scope_asked(request, wanted.get("scope")), below=wanted["below"]
        )
        if "booked_on" in wanted:
            records = records.booked_on(wanted["booked_on"])
        exact = {name: wanted[name] for name in EXACT if name in wanted}
        bounds = {"occurred_at__gte": wanted.get("since"), "occurred_at__lt": wanted.get("until")}
        records = records.filter(**exact, **{name: value for name, value in bounds.items() if value})
        if "activity" in wanted:
            records = records.of_activity(wanted["activity"])
        if wanted["unpriced"] is not None:
            records = records.unpriced() if wanted["unpriced"] else records.priced_or_failed()
        if wanted["partly_unpriced"] is not None:
            records = records.partly_unpriced() if wanted["partly_unpriced"] else records.filter(unpriced_meters=[])
        if wanted["mended"] is not None:
            records = records.exclude(mended="") if wanted["mended"] else records.filter(mended="")
        return listed(self, request, records, UsageRecordOut, ordering=("-occurred_at", "-id"))


class LiteLLMUsage(APIView):
    """What a LiteLLM proxy's `generic_api` callback posts."""

    permission_classes = [requires("usage:write")]

    @extend_schema(
        operation_id="usage_litellm_post",
        request={"application/json": OpenApiTypes.OBJECT},
        responses=INGEST_ANSWERS,
        parameters=[PriceIn],
        description="An array of StandardLoggingPayload, or one. Only named fields are read: no prompt, response or"
        " error text is kept.",
    )
    def post(self, request: Request) -> Response:
        price: PriceFrom | None = PriceIn.of(request).get("price")
        incoming = read_payloads(
            body_of(request), records_max=settings.USAGE_EVENTS_PER_REQUEST_MAX, price=price or "catalogue"
        )
        return ingest_answer(request, record(request, incoming, "litellm", price))


class UsageSummary(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="usage_summary", parameters=[SummaryIn], responses=SummaryOut)
    def get(self, request: Request) -> Response:
        wanted = SummaryIn.of(request)
        today = timezone.now().astimezone(UTC).date()
        rows = queries.usage_summary(
            actor=actor(request),
            scope_id=scope_asked(request, wanted.get("scope")),
            since=midnight(wanted.get("from", first_of_month(today))),
            until=midnight(wanted.get("to", today + DAY)),
            group_by=wanted["group_by"],
        )
        return Response(SummaryOut({"rows": rows}).data)
