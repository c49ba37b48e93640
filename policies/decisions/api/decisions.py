"""POST /api/v1/decisions: asked before every call of a model, so it takes the short way past DRF's request machinery.

The answer is 200 whether the run is allowed or denied; an error is problem+json like everywhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView
from typing_extensions import override

from governance.errors import DomainError, Invalid
from governance.rest.api import CONTENT_TYPE, parse_json, problem, read_body
from policies.decisions.api.serializers import DecisionOut, DecisionQuestion
from policies.decisions.queries import Decision, KeyRefused, PlannedCall, attributed_path, decide_for_key

logger = logging.getLogger(__name__)

BODY_BYTES_MAX = 16_384
SCHEME = "bearer "

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    scope: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    model: Name
    provider: Name | None = None
    operation: Name | None = None
    service_tier: Name | None = None
    source: Name | None = None
    team: Name | None = None
    key_alias: Name | None = None
    key_hash: Name | None = None
    attributes: Annotated[dict[Name, Annotated[str, Field(max_length=500)]], Field(max_length=100)] = {}
    estimated_tokens: Annotated[int, Field(ge=0)] | None = None

    @property
    def call(self) -> PlannedCall:
        """The call as its usage will be attributed."""
        named = {"team": self.team, "key_alias": self.key_alias, "key_hash": self.key_hash}
        return PlannedCall(
            provider=self.provider or "",
            model=self.model,
            operation=self.operation or "chat",
            source=self.source or "",
            service_tier=self.service_tier or "standard",
            attributes=self.attributes | {name: value for name, value in named.items() if value is not None},
        )


def answer(request: HttpRequest) -> HttpResponse:
    headers: dict[str, str] = {}
    if request.method != "POST":
        return _problem(
            request, status=405, code="method_not_allowed", detail="Ask with POST.", headers={"Allow": "POST"}
        )
    try:
        decision = _decide(request, timezone.now())
    except DomainError as refused:
        if isinstance(refused, KeyRefused):
            headers["WWW-Authenticate"] = 'Bearer realm="weir"'
        return _problem(
            request, status=refused.status, code=refused.code, detail=refused.detail, headers=headers, **refused.extra
        )
    except OperationalError as problem_of_database:
        logger.error("database unavailable", exc_info=problem_of_database)  # noqa: TRY400  # a sentence, not a trace of ours
        detail = "The database is not available. Try again shortly."
        return _problem(request, status=503, code="database_unavailable", detail=detail, headers={"Retry-After": "2"})
    return HttpResponse(_as_json(decision), content_type="application/json")


def _decide(request: HttpRequest, at: datetime) -> Decision:
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if header[: len(SCHEME)].lower() != SCHEME:
        raise KeyRefused("Authentication credentials were not provided.", code="not_authenticated")
    try:
        question = Question.model_validate(parse_json(read_body(request, BODY_BYTES_MAX)))
    except ValidationError as invalid:
        raise Invalid(
            "The request is not valid; see errors.",
            code="validation_failed",
            errors=list(map(_field, invalid.errors())),
        ) from None
    plaintext = header[len(SCHEME) :].strip()
    path = question.scope or attributed_path(plaintext=plaintext, call=question.call, at=at)
    return decide_for_key(plaintext=plaintext, scope_path=path, model=question.model, at=at)


def _field(error: Any) -> dict[str, str]:
    is_unknown = error["type"] == "extra_forbidden"
    return {
        "field": ".".join(str(part) for part in error["loc"]),
        "code": "unknown_field" if is_unknown else str(error["type"]),
        "detail": "There is no such field." if is_unknown else str(error["msg"]),
    }


def _as_json(decision: Decision) -> bytes:
    return orjson.dumps(decision, option=orjson.OPT_UTC_Z)


def _problem(
    request: HttpRequest, *, status: int, code: str, detail: str, headers: dict[str, str], **extra: object
) -> HttpResponse:
    body = problem(status=status, code=code, detail=detail, instance=request.path, **extra)
    return HttpResponse(orjson.dumps(body), status=status, content_type=CONTENT_TYPE, headers=headers)


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
