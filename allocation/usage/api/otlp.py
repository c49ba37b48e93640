"""OTLP/HTTP: an OpenTelemetry SDK, agent or collector pointed at `…/api/v1/otlp` posts its telemetry here."""

import logging
from abc import abstractmethod
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.sources.documents import PriceFrom
from allocation.usage.api.bodies import body_of, media_type, sender
from allocation.usage.api.serializers import PriceIn
from allocation.usage.api.usage import record
from allocation.usage.importers.otlp.answer import as_json, as_message, nothing_counts, refusals, status_message
from allocation.usage.importers.otlp.reading import Received, read_logs, read_metrics, read_traces
from allocation.usage.importers.otlp.signals import Encoding, Signal
from allocation.usage.operations import note_uncounted
from governance.rest.api import BasicKeyAuthentication, requires

logger = logging.getLogger(__name__)
PROTOBUF = "application/x-protobuf"
ENCODINGS: dict[str, Encoding] = {"application/json": "json", PROTOBUF: "protobuf"}
NOTHING_COUNTS = (
    " A request of which nothing counts is answered 200 with a partial_success that rejects 0 and says why, and is seen"
    " among the data gaps."
)
BODIES = {"application/json": OpenApiTypes.OBJECT, PROTOBUF: OpenApiTypes.BINARY}


def price_asked(request: Request) -> PriceFrom | None:
    """Whose price the request asks for; None where it does not say."""
    price: PriceFrom | None = PriceIn.of(request).get("price")
    return price


class PartialSuccessOut(serializers.Serializer[Any]):
    errorMessage = serializers.CharField()  # noqa: N815  # OTLP's name


class SpansPartialSuccessOut(PartialSuccessOut):
    rejectedSpans = serializers.CharField(help_text="How many spans wait in quarantine; a 64-bit integer as text.")  # noqa: N815  # OTLP's name


class LogRecordsPartialSuccessOut(PartialSuccessOut):
    rejectedLogRecords = serializers.CharField(  # noqa: N815  # OTLP's name
        help_text="How many log records wait in quarantine; a 64-bit integer as text."
    )


class DataPointsPartialSuccessOut(PartialSuccessOut):
    rejectedDataPoints = serializers.CharField(  # noqa: N815  # OTLP's name
        help_text="Always 0: nothing is wrong with them; a 64-bit integer as text."
    )


class TracesOut(serializers.Serializer[Any]):
    partialSuccess = SpansPartialSuccessOut(required=False)  # noqa: N815  # OTLP's name


class LogsOut(serializers.Serializer[Any]):
    partialSuccess = LogRecordsPartialSuccessOut(required=False)  # noqa: N815  # OTLP's name


class MetricsOut(serializers.Serializer[Any]):
    partialSuccess = DataPointsPartialSuccessOut(required=False)  # noqa: N815  # OTLP's name


class Receiver(APIView):
    """What the receivers of the three signals share."""

    # A key as anywhere, or as a password, which is how Langfuse's SDKs sign in.
    authentication_classes = [*APIView.authentication_classes, BasicKeyAuthentication]
    permission_classes = [requires("usage:write")]
    signal: ClassVar[Signal]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:  # noqa: FBT001, FBT002  # DRF's signature
        """An answer is encoded as its request is, whatever `Accept` asks for."""
        del request, force
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type or ""

    @abstractmethod
    def read(self, request: Request, body: bytes, encoding: Encoding) -> Received:
        """What the body holds."""

    def receive(self, request: Request) -> HttpResponseBase:
        """Records what counts, and answers as OTLP has it."""
        encoding = ENCODINGS.get(media_type(request))
        if encoding is None:
            raise UnsupportedMediaType(media_type(request))
        received = self.read(request, body_of(request), encoding)
        rejected = record(request, received, "otlp", price_asked(request), received.traced).rejected
        message = refusals(self.signal, rejected)
        if received.counts_nothing:
            message = nothing_counts(self.signal, received.uncounted)
            key = sender(request)
            logger.warning("OTLP %s by key %s: %s", self.signal, key.prefix, message)
            note_uncounted(
                authority_id=key.scope_id, signal=self.signal, uncounted=received.uncounted, at=timezone.now()
            )
        if encoding == "protobuf":
            return HttpResponse(as_message(self.signal, len(rejected), message), content_type=PROTOBUF)
        return Response(as_json(self.signal, len(rejected), message))

    def handle_exception(self, exc: Exception) -> Response:
        """A problem document as everywhere, with the `message` that OTLP's Status has."""
        answer = super().handle_exception(exc)
        answer.data["message"] = f"{answer.data['code']}: {answer.data['detail']}"
        return answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        if isinstance(response, Response) and response.exception and media_type(request) == PROTOBUF:
            response = HttpResponse(
                status_message(response.data["message"]),
                status=response.status_code,
                content_type=PROTOBUF,
                headers={name: value for name, value in response.headers.items() if name != "Content-Type"},
            )
        return super().finalize_response(request, response, *args, **kwargs)


class Traces(Receiver):
    signal = "traces"

    @extend_schema(
        operation_id="otlp_traces_post",
        request=BODIES,
        responses={
            (200, "application/json"): TracesOut,
            (200, PROTOBUF): OpenApiResponse(OpenApiTypes.BINARY, "ExportTraceServiceResponse"),
        },
        parameters=[PriceIn],
        description="An ExportTraceServiceRequest, in OTLP's JSON or in protobuf, packed with gzip or not. Spans of"
        " the GenAI conventions become usage events, LiteLLM's the same ones as its own payloads; other spans are"
        " passed over. What cannot be taken is counted in partial_success and waits in quarantine. A refusal of a"
        " protobuf body is a google.rpc.Status. No prompt, answer or error text is read." + NOTHING_COUNTS,
    )
    def post(self, request: Request) -> HttpResponseBase:
        return self.receive(request)

    def read(self, request: Request, body: bytes, encoding: Encoding) -> Received:
        price = price_asked(request) or "catalogue"
        return read_traces(body, encoding=encoding, records_max=settings.USAGE_EVENTS_PER_REQUEST_MAX, price=price)


class Logs(Receiver):
    signal = "logs"

    @extend_schema(
        operation_id="otlp_logs_post",
        request=BODIES,
        responses={
            (200, "application/json"): LogsOut,
            (200, PROTOBUF): OpenApiResponse(OpenApiTypes.BINARY, "ExportLogsServiceResponse"),
        },
        parameters=[PriceIn],
        description="An ExportLogsServiceRequest, encoded and answered as traces are. Events in which"
        " Claude Code, Codex and Gemini CLI tell of a call become usage events; others are passed over."
        + NOTHING_COUNTS,
    )
    def post(self, request: Request) -> HttpResponseBase:
        return self.receive(request)

    def read(self, request: Request, body: bytes, encoding: Encoding) -> Received:
        price = price_asked(request) or "catalogue"
        return read_logs(body, encoding=encoding, records_max=settings.USAGE_EVENTS_PER_REQUEST_MAX, price=price)


class Metrics(Receiver):
    signal = "metrics"

    @extend_schema(
        operation_id="otlp_metrics_post",
        request=BODIES,
        responses={
            (200, "application/json"): MetricsOut,
            (200, PROTOBUF): OpenApiResponse(OpenApiTypes.BINARY, "ExportMetricsServiceResponse"),
        },
        description="An ExportMetricsServiceRequest, encoded and answered as traces are. No metric counts: each sums up"
        " calls that spans or log events tell of one by one." + NOTHING_COUNTS,
    )
    def post(self, request: Request) -> HttpResponseBase:
        return self.receive(request)

    def read(self, request: Request, body: bytes, encoding: Encoding) -> Received:
        del request
        return read_metrics(body, encoding=encoding, records_max=settings.USAGE_EVENTS_PER_REQUEST_MAX)
