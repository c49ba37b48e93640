"""The usual post of usage, answered before the middleware and views that other requests need."""

from collections.abc import Callable

import orjson
from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase

from allocation.usage.api.answers import ingest_answer
from allocation.usage.api.gathered import RECORDS_MAX, NotAllowed, Post, record_post, record_posts
from allocation.usage.api.usage import READERS
from allocation.usage.engine.posts import (
    ACCEPTED,
    BYTES_MAX,
    EVALUATED_HEADER,
    HEADER,
    PATH,
    SCHEME,
    HandedAnswer,
    answers_to_bytes,
    posts_from_bytes,
)
from allocation.usage.operations import IngestResult, Submission
from governance.errors import DomainError
from governance.people.engine import key_identity
from governance.rest.api import exception_handler

JSON = "application/json"
TOGETHER = f"HTTP_{HEADER.upper().replace('-', '_')}"


class DirectUsage:
    """Middleware. A small post of native events by an API key costs a fifth of what it costs through the views. What is
    not usual goes to them, so that every refusal of a whole request is theirs.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info != PATH or request.method != "POST":
            return self.get_response(request)
        answer = _together(request) if TOGETHER in request.META else _alone(request)
        return self.get_response(request) if answer is None else answer


def _alone(request: HttpRequest) -> HttpResponse | None:
    """The answer to one post, unless it is left to the views."""
    post = _usual_post(request)
    if post is None:
        return None
    try:
        answer = ingest_answer(request, record_post(post))
    except NotAllowed:
        return None
    except Exception as problem:  # noqa: BLE001  # answered as by every view
        answer = exception_handler(problem, {"request": request})
    content = orjson.dumps(answer.data)
    headers = {
        **answer.headers, **_headers(),
        "Content-Type": answer.content_type or JSON, "Content-Length": str(len(content)),
    }  # fmt: skip
    return HttpResponse(content, status=answer.status_code, headers=headers)


def _together(request: HttpRequest) -> HttpResponse | None:
    """The answers to several posts, recorded in one transaction; the front sends each to its client, with the headers
    of this answer, and asks on its own what the views must look at.
    """
    try:
        handed = posts_from_bytes(request.body)
    except (ValueError, UnreadablePostError, RequestDataTooBig):
        return None
    hosts = {host for host in {each.host for each in handed} if _is_ours(host)}
    posts = [
        _post_in(_identity_in(each.authorization), each.content_type, each.body) if each.host in hosts else None
        for each in handed
    ]
    results = record_posts([post for post in posts if post is not None])
    following = iter(results)
    answers = [None if post is None else _handed(request, next(following)) for post in posts]
    headers = {**_headers(), "Content-Type": "application/octet-stream"}
    evaluated_in = max((result.evaluated_in for result in results if isinstance(result, IngestResult)), default=0)
    if evaluated_in:
        headers[EVALUATED_HEADER] = str(evaluated_in)
    return HttpResponse(answers_to_bytes(answers), headers=headers)


def _handed(request: HttpRequest, result: IngestResult | Exception) -> HandedAnswer | None:
    """None where nothing was recorded: asked on its own, the post is answered by what is wrong with it."""
    if isinstance(result, Exception):
        return None
    answer = ingest_answer(request, result)
    return HandedAnswer(answer.status_code, answer.content_type or JSON, orjson.dumps(answer.data))


def _headers() -> dict[str, str]:
    """What views and their middleware give every answer."""
    return {"Allow": "GET, POST, HEAD, OPTIONS", "X-Frame-Options": settings.X_FRAME_OPTIONS}


def _usual_post(request: HttpRequest) -> Post | None:
    """What the request posts, unless the views must look at it."""
    meta = request.META
    if (
        meta.get("HTTP_ACCEPT", "*/*") not in ACCEPTED
        or meta.get("HTTP_CONTENT_ENCODING")
        or meta.get("QUERY_STRING")
        or not _is_short(meta.get("CONTENT_LENGTH", ""))
    ):
        return None
    # The views refuse it without reading the body, which its sender may send slowly.
    identity = _identity_in(meta.get("HTTP_AUTHORIZATION", ""))
    if identity is None:
        return None
    try:
        request.get_host()
        body = request.body
    except (DisallowedHost, UnreadablePostError):
        return None
    return _post_in(identity, request.content_type or "", body)


def _identity_in(authorization: str) -> tuple[str, str] | None:
    """Prefix and digest of the key that the header shows, known or not."""
    return key_identity(authorization[len(SCHEME) :].strip()) if authorization.startswith(SCHEME) else None


def _post_in(identity: tuple[str, str] | None, content_type: str, body: bytes) -> Post | None:
    """What a client with these headers posts; None where it must be refused as a whole, which is for the views."""
    if len(body) > _bytes_max():
        return None
    source_format, read = READERS.get(content_type.partition(";")[0].strip().lower(), (None, None))
    if identity is None or source_format is None or read is None:
        return None
    try:
        incoming = read(body, records_max=min(RECORDS_MAX, settings.USAGE_EVENTS_PER_REQUEST_MAX))
    except DomainError:
        return None
    submission = Submission(
        events=incoming.events, indexes=incoming.indexes, refused=incoming.refused, source_format=source_format,
        key_scope_id=None, folded=settings.USAGE_FOLDED_IN_REQUEST,
    )  # fmt: skip
    return Post(submission, identity)


def _is_short(content_length: str) -> bool:
    return content_length.isdecimal() and int(content_length) <= _bytes_max()


def _bytes_max() -> int:
    return min(BYTES_MAX, settings.USAGE_BODY_BYTES_MAX)


def _is_ours(host: str) -> bool:
    probe = HttpRequest()
    probe.META["HTTP_HOST"] = host
    try:
        probe.get_host()
    except DisallowedHost:
        return False
    return True
