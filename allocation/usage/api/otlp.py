"""OTLP/HTTP traces: an OpenTelemetry SDK or collector pointed at `…/api/v1/otlp` posts its spans here."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.usage.api.bodies import body_of, media_type
from allocation.usage.api.serializers import PriceIn
from allocation.usage.api.usage import record
from allocation.usage.importers.litellm import PriceFrom
from allocation.usage.importers.otlp.answer import as_json, as_message, status_message
from allocation.usage.importers.otlp.reading import Encoding, read_traces
from governance.rest.api import requires

PROTOBUF = "application/x-protobuf"
ENCODINGS: dict[str, Encoding] = {"application/json": "json", PROTOBUF: "protobuf"}


class PartialSuccessOut(serializers.Serializer[Any]):
    rejectedSpans = serializers.CharField(help_text="How many spans wait in quarantine; a 64-bit integer as text.")  # noqa: N815  # OTLP's name
    errorMessage = serializers.CharField()  # noqa: N815  # OTLP's name


class TracesOut(serializers.Serializer[Any]):
    partialSuccess = PartialSuccessOut(required=False)  # noqa: N815  # OTLP's name


class Traces(APIView):
    permission_classes = [requires("usage:write")]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:  # noqa: FBT001, FBT002  # DRF's signature
        """An answer is encoded as its request is, whatever `Accept` asks for."""
        del request, force
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type or ""

    @extend_schema(
        operation_id="otlp_traces_post",
        request={"application/json": OpenApiTypes.OBJECT, PROTOBUF: OpenApiTypes.BINARY},
        responses={
            (200, "application/json"): TracesOut,
            (200, PROTOBUF): OpenApiResponse(OpenApiTypes.BINARY, "ExportTraceServiceResponse"),
        },
        parameters=[PriceIn],
        description="An ExportTraceServiceRequest, in OTLP's JSON or in protobuf, packed with gzip or not. Spans of"
        " the GenAI conventions become usage events, LiteLLM's the same ones as its own payloads; other spans are"
        " passed over. What cannot be taken is counted in partial_success and waits in quarantine. A refusal of a"
        " protobuf body is a google.rpc.Status. No prompt, answer or error text is read.",
    )
    def post(self, request: Request) -> HttpResponseBase:
        encoding = ENCODINGS.get(media_type(request))
        if encoding is None:
            raise UnsupportedMediaType(media_type(request))
        price: PriceFrom = PriceIn.of(request)["price"]
        incoming = read_traces(
            body_of(request), encoding=encoding, records_max=settings.USAGE_EVENTS_PER_REQUEST_MAX, price=price
        )
        rejected = record(request, incoming, "otlp").rejected
        if encoding == "protobuf":
            return HttpResponse(as_message(rejected), content_type=PROTOBUF)
        return Response(as_json(rejected))

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
