"""How a batch of records is answered."""

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from allocation.usage.api.serializers import IngestOut, NothingAcceptedOut
from allocation.usage.operations import IngestResult
from governance.rest.api import CONTENT_TYPE, problem

INGEST_ANSWERS = {
    200: IngestOut,
    (422, CONTENT_TYPE): OpenApiResponse(NothingAcceptedOut, "Every record was rejected (`nothing_accepted`)."),
}


def ingest_answer(request: HttpRequest | Request, result: IngestResult) -> Response:
    """200 with what became of each record; 422 when every one was rejected, which a sender that reads only the status
    must not take for success. What was sent before is no rejection.
    """
    # A serializer takes longer than the rest of the answer; most have nothing that it must look at.
    answer = (
        IngestOut(result).data
        if result.rejected
        else {"accepted": result.accepted, "duplicate": result.duplicate, "rejected": []}
    )
    if result.accepted or result.duplicate or not result.rejected:
        return Response(answer)
    body = problem(
        status=422,
        code="nothing_accepted",
        detail="Every record was rejected; each waits in quarantine with its reason. See rejected.",
        instance=request.path,
        **answer,
    )
    return Response(body, status=422, content_type=CONTENT_TYPE)
