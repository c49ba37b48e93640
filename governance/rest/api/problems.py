"""Every error of the API is application/problem+json (RFC 9457) with a stable `code`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, connections
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from governance.errors import DomainError
from governance.rest.engine.problems import CONTENT_TYPE, problem
from governance.work.operations import is_of_the_database

logger = logging.getLogger(__name__)
PATH_SHOWN = 200
RETRY_AFTER_S = "2"
CODES = {
    exceptions.ParseError: "malformed_body",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "authentication_failed",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "too_many_requests",
}


def problem_response(
    *,
    status: int,
    code: str,
    detail: str,
    instance: str = "",
    headers: Mapping[str, str] | None = None,
    **extra: object,
) -> Response:
    """A response with a problem as its body."""
    body = problem(status=status, code=code, detail=detail, instance=instance, **extra)
    return Response(body, status=status, headers=dict(headers or {}), content_type=CONTENT_TYPE)


@csrf_exempt
def no_such_route(request: HttpRequest, **_: object) -> JsonResponse:
    """For every path below /api/ that has no route (`route_unknown`), whatever the method: names the route where only
    its last slash is too many or missing. Django's own answer to a POST would be a page about cookies.
    """
    path = request.path_info
    other = path.rstrip("/") if path.endswith("/") else f"{path}/"
    hint = f" Write {other}." if _is_route(other) else ""
    detail = f"There is no route {path[:PATH_SHOWN]}.{hint}"
    body = problem(status=404, code="route_unknown", detail=detail, instance=request.path)
    return JsonResponse(body, status=404, content_type=CONTENT_TYPE)


def _is_route(path: str) -> bool:
    try:
        return resolve(path).func is not no_such_route
    except Resolver404:
        return False


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's handler: every exception becomes a problem, and the transaction is rolled back."""
    _roll_back()
    request = context.get("request")
    instance: str = request.path if request is not None else ""
    if isinstance(exc, DomainError):
        body = problem(status=exc.status, code=exc.code, detail=exc.detail, instance=instance, **exc.extra)
        return Response(body, status=exc.status, content_type=CONTENT_TYPE)
    if isinstance(exc, exceptions.ValidationError):
        return problem_response(
            status=exc.status_code,
            code="validation_failed",
            detail="The request is not valid; see errors.",
            instance=instance,
            errors=list(_field_errors(exc.detail)),
        )
    if isinstance(exc, exceptions.APIException):
        return _of_api_exception(exc, instance)
    for kind, status, code, detail in DJANGO_REFUSALS:
        if isinstance(exc, kind):
            logger.info("request to %s refused: %s", _route_of(request), type(exc).__name__)
            return problem_response(status=status, code=code, detail=detail, instance=instance)
    return _of_failure(exc, instance, _route_of(request))


# In order: the first that matches is used.
DJANGO_REFUSALS: tuple[tuple[type[Exception], int, str, str], ...] = (
    (Http404, 404, "not_found", "There is no such thing here."),
    (PermissionDenied, 403, "permission_denied", "You are not permitted to do this."),
    (RequestDataTooBig, 413, "body_too_large", "The body is too large."),
    (SuspiciousOperation, 400, "malformed_request", "The request is malformed."),
    # The values come from the request; the statement failed, so nothing was changed.
    (DataError, 422, "value_not_storable", "A value is too large, or holds a character that cannot be stored."),
    (OverflowError, 422, "date_out_of_range", "A date lies at the end of the calendar, where no day or month follows."),
)


def _route_of(request: Any) -> str:
    """What the log calls it: a path may hold a caller's text."""
    match = getattr(request, "resolver_match", None)
    return "a path without a route" if match is None else f"/{match.route}"


def _of_failure(exc: Exception, instance: str, route: str) -> Response:
    """A failure of the service: logged in full, answered in a sentence."""
    logger.error("request to %s failed", route, exc_info=exc)
    if is_of_the_database(exc):
        return unavailable(instance)
    return problem_response(
        status=500, code="internal_error", detail="Something went wrong on our side.", instance=instance
    )


def unavailable(instance: str) -> Response:
    """The database as it is now is the matter: gone, full, locked. Nothing of the request has happened."""
    return problem_response(
        status=503,
        code="database_unavailable",
        detail="The database is not available. Try again shortly.",
        instance=instance,
        headers={"Retry-After": RETRY_AFTER_S},
    )


def _of_api_exception(exc: exceptions.APIException, instance: str) -> Response:
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(exc, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    code = exc.get_codes()
    if not isinstance(code, str) or code == exc.default_code:
        code = CODES.get(type(exc), exc.default_code)
    return problem_response(
        status=exc.status_code, code=code, detail=str(exc.detail), instance=instance, headers=headers
    )


def _field_errors(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested errors as a flat list of path, code and sentence."""
    if isinstance(detail, Mapping):
        for name, below in detail.items():
            yield from _field_errors(below, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for index, below in enumerate(detail):
            nested = isinstance(below, Mapping | Sequence) and not isinstance(below, str)
            yield from _field_errors(below, f"{path}[{index}]" if nested else path)
    else:
        yield {"field": path, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}


def _roll_back() -> None:
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["ATOMIC_REQUESTS"] and connection.in_atomic_block:
            connection.set_rollback(True)
