"""POST /api/v1/decisions where the web process is asked itself, by the short way past DRF's request machinery. Before
it stands the process that answers decisions from memory (`config.front`), and this is never reached.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView
from typing_extensions import override

from governance.rest.api import parse_json, read_body
from policies.decisions.api.serializers import DecisionOut, DecisionQuestion
from policies.decisions.documents import BODY_BYTES_MAX, question_of
from policies.decisions.engine.answers import RETRY_SHORTLY, answer_to, bearer_of, refusal
from policies.decisions.engine.decisions import Decision
from policies.decisions.queries.statement import attributed_path, decide_for_key

logger = logging.getLogger(__name__)


def answer(request: HttpRequest) -> HttpResponse:
    try:
        given = answer_to(request.method or "", lambda: _decide(request, timezone.now()), path=request.path)
    except OperationalError as problem_of_database:
        logger.error("database unavailable", exc_info=problem_of_database)  # noqa: TRY400  # a sentence, not a trace of ours
        detail = "The database is not available. Try again shortly."
        given = refusal(
            status=503, code="database_unavailable", detail=detail, path=request.path, headers=(RETRY_SHORTLY,)
        )
    return HttpResponse(given.body, status=given.status, headers=dict(given.headers))


def _decide(request: HttpRequest, at: datetime) -> Decision:
    plaintext = bearer_of(request.META.get("HTTP_AUTHORIZATION", ""))
    question = question_of(parse_json(read_body(request, BODY_BYTES_MAX)))
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
        documented = super().as_view(**initkwargs)

        def view(request: HttpRequest) -> HttpResponse:
            return answer(request)

        view.cls, view.initkwargs = documented.cls, documented.initkwargs  # type: ignore[attr-defined]
        return csrf_exempt(view)
