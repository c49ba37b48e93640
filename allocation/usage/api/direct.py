"""The usual post of usage, answered before the middleware and views that other requests need."""

from collections.abc import Callable

import orjson
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from rest_framework.response import Response

from allocation.usage.api.answers import ingest_answer
from allocation.usage.api.gathered import RECORDS_MAX, NotAllowed, Post, record_post
from allocation.usage.api.usage import READERS
from allocation.usage.importers.incoming import Incoming
from allocation.usage.operations import Submission
from governance.errors import DomainError
from governance.people.engine import key_identity
from governance.rest.api import exception_handler

PATH = "/api/v1/usage"
SCHEME = "Bearer "
BYTES_MAX = 64 * 1024
ACCEPTED = frozenset({"*/*", "application/json", "application/json, */*"})


class DirectUsage:
    """Middleware. A small post of native events by an API key costs a fifth of what it costs through the views. What is
    not usual goes to them, so that every refusal of a whole request is theirs.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        post = _usual_post(request) if request.path_info == PATH and request.method == "POST" else None
        if post is None:
            return self.get_response(request)
        try:
            return _sent(ingest_answer(request, record_post(post)))
        except NotAllowed:
            return self.get_response(request)
        except Exception as problem:  # noqa: BLE001  # answered as by every view
            return _sent(exception_handler(problem, {"request": request}))


def _sent(answer: Response) -> HttpResponse:
    """With the headers that views and their middleware give it."""
    content = orjson.dumps(answer.data)
    headers = {
        **answer.headers,
        "Content-Type": answer.content_type or "application/json",
        "Content-Length": str(len(content)),
        "Allow": "GET, POST, HEAD, OPTIONS",
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
    }
    return HttpResponse(content, status=answer.status_code, headers=headers)


def _usual_post(request: HttpRequest) -> Post | None:
    """What the request posts, unless the views must look at it."""
    meta = request.META
    header = meta.get("HTTP_AUTHORIZATION", "")
    if (
        not header.startswith(SCHEME)
        or meta.get("HTTP_ACCEPT", "*/*") not in ACCEPTED
        or meta.get("HTTP_CONTENT_ENCODING")
        or meta.get("QUERY_STRING")
        or not _is_short(meta.get("CONTENT_LENGTH", ""))
    ):
        return None
    identity = key_identity(header[len(SCHEME) :].strip())
    source_format, read = READERS.get(request.content_type or "", (None, None))
    if identity is None or source_format is None or read is None:
        return None
    incoming = _read(request, read)
    if incoming is None:
        return None
    submission = Submission(
        events=incoming.events, indexes=incoming.indexes, refused=incoming.refused, source_format=source_format,
        key_scope_id=None, folded=settings.USAGE_FOLDED_IN_REQUEST,
    )  # fmt: skip
    return Post(submission, identity)


def _is_short(content_length: str) -> bool:
    return content_length.isdecimal() and int(content_length) <= min(BYTES_MAX, settings.USAGE_BODY_BYTES_MAX)


def _read(request: HttpRequest, read: Callable[..., Incoming]) -> Incoming | None:
    try:
        request.get_host()
        return read(request.body, records_max=min(RECORDS_MAX, settings.USAGE_EVENTS_PER_REQUEST_MAX))
    except (DomainError, DisallowedHost, UnreadablePostError):
        return None
