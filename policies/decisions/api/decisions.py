"""POST /api/v1/decisions where the web process is asked itself, by the short way past DRF's request machinery. Before
it stands the process that answers decisions from memory (`config.front`), and this is never reached.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView
from typing_extensions import override

from governance.rest.api import parse_json, read_body
from governance.work.operations import is_of_the_database
from policies.decisions.api.serializers import DecisionOut, DecisionQuestion
from policies.decisions.documents import BODY_BYTES_MAX, Question, question_of
from policies.decisions.engine.answers import RETRY_SHORTLY, Answer, answer_to, bearer_of, refusal
from policies.decisions.engine.checks import HEADERS, answer_to_check, check_in
from policies.decisions.engine.decisions import Decision
from policies.decisions.queries.statement import attributed_path, decide_for_key

logger = logging.getLogger(__name__)


def answer(request: HttpRequest) -> HttpResponse:
    try:
        given = answer_to(request.method or "", lambda: _decide(request, timezone.now()), path=request.path)
    except Exception as problem:  # noqa: BLE001  # what is not of the database is raised again
        given = _unavailable(request, problem)
    return HttpResponse(given.body, status=given.status, headers=dict(given.headers))


def _decide(request: HttpRequest, at: datetime) -> Decision:
    plaintext = bearer_of(request.META.get("HTTP_AUTHORIZATION", ""))
    return _decided(question_of(parse_json(read_body(request, BODY_BYTES_MAX))), plaintext, at)


def _unavailable(request: HttpRequest, problem: Exception) -> Answer:
    """Raises `problem` again when it is not of the database as it is now."""
    if not is_of_the_database(problem):
        raise problem
    logger.error("database unavailable", exc_info=problem)
    detail = "The database is not available. Try again shortly."
    return refusal(status=503, code="database_unavailable", detail=detail, path=request.path, headers=(RETRY_SHORTLY,))


def _decided(question: Question, plaintext: str, at: datetime) -> Decision:
    path = question.scope or attributed_path(plaintext=plaintext, call=question.call, at=at)
    return decide_for_key(plaintext=plaintext, scope_path=path, model=question.model, at=at)


class Decisions(APIView):
    """An APIView for the documentation; `as_view` gives the short way."""

    @extend_schema(
        operation_id="decide",
        request=DecisionQuestion,
        responses={200: DecisionOut},
        description="May this scope run this model now? 200 for allow and deny alike.",
    )
    def post(self, request: Request) -> HttpResponse:
        return answer(request._request)  # noqa: SLF001  # DRF's own name for the request it wraps

    @override
    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponse]:  # type: ignore[override]  # a plain view
        return _plain(super().as_view(**initkwargs), answer)


def _plain(documented: Any, view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """The short way, which the documentation takes for the view that it stands for."""

    def plain(request: HttpRequest, **_below: str) -> HttpResponse:
        return view(request)

    plain.cls, plain.initkwargs = documented.cls, documented.initkwargs  # type: ignore[attr-defined]
    return csrf_exempt(plain)


def check(request: HttpRequest) -> HttpResponse:
    at = timezone.now()
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        given = answer_to_check(
            lambda: check_in(request.path, request.META.get("QUERY_STRING", ""), headers, _beginning(request)),
            lambda asked: _decided(asked.question, asked.plaintext, at),
            path=request.path,
            at=at,
        )
    except Exception as problem:  # noqa: BLE001  # what is not of the database is raised again
        given = _unavailable(request, problem)
    return HttpResponse(given.body, status=given.status, headers=dict(given.headers))


def _beginning(request: HttpRequest) -> bytes:
    return request.read(BODY_BYTES_MAX) if request.META.get("CONTENT_LENGTH") else b""


class DecisionCheck(APIView):
    """As `Decisions`, for proxies, whatever the method; the documentation tells of one."""

    @extend_schema(
        operation_id="check",
        parameters=[
            OpenApiParameter(HEADERS["scope"], str, OpenApiParameter.HEADER, description="As `scope` of a decision."),
            OpenApiParameter(HEADERS["model"], str, OpenApiParameter.HEADER, description="As `model` of a decision."),
        ],
        request=None,
        responses={200: None},
        description="The decision as a status, for proxies, whatever the method and the path below: 200, 403 or 429,"
        " with its reason in `X-Weir-…` headers.",
    )
    def post(self, request: Request) -> HttpResponse:
        return check(request._request)  # noqa: SLF001  # DRF's own name for the request it wraps

    @override
    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponse]:  # type: ignore[override]  # a plain view
        return _plain(super().as_view(**initkwargs), check)


@extend_schema(exclude=True)
class DecisionCheckBelow(DecisionCheck):
    """Where a proxy puts the path of the call behind its own."""
