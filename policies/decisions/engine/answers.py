"""A question as bytes, and its answer as status, headers and body: what is the same whoever serves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from governance.errors import DomainError
from governance.rest.engine.json_bodies import parse_json, too_large, unpacked
from governance.rest.engine.problems import CONTENT_TYPE, problem
from policies.decisions.documents import BODY_BYTES_MAX, Question, question_of
from policies.decisions.engine.decisions import Decision
from policies.decisions.errors import KeyRefused, SnapshotMissing

SCHEME = "bearer "
PATH = "/api/v1/decisions"
JSON = "application/json"
CHALLENGE = ("WWW-Authenticate", 'Bearer realm="weir"')
RETRY_SHORTLY = ("Retry-After", "2")


@dataclass(frozen=True, slots=True)
class Answer:
    """The content's type is among the headers, its length is not."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def bearer_of(authorization: str) -> str:
    """The key that the header presents. Raises KeyRefused (`not_authenticated`)."""
    if authorization[: len(SCHEME)].lower() != SCHEME:
        raise KeyRefused("Authentication credentials were not provided.", code="not_authenticated")
    return authorization[len(SCHEME) :].strip()


def question_in(body: bytes, encoding: str = "") -> Question:
    """The question that a body asks. Raises BodyTooLarge, BadBody, Invalid."""
    if len(body) > BODY_BYTES_MAX:
        raise too_large(BODY_BYTES_MAX)
    return question_of(parse_json(unpacked(body, encoding, BODY_BYTES_MAX)))


def answer_to(method: str, decide: Callable[[], Decision], *, path: str = PATH) -> Answer:
    """The answer as JSON: 200 whether the call is allowed or denied, and a problem for what ``decide`` raises."""
    if method != "POST":
        return refusal(
            status=405, code="method_not_allowed", detail="Ask with POST.", path=path, headers=(("Allow", "POST"),)
        )
    try:
        decision = decide()
    except DomainError as refused:
        return refused_as_problem(refused, path)
    return Answer(200, (("Content-Type", JSON),), orjson.dumps(decision, option=orjson.OPT_UTC_Z))


def refused_as_problem(refused: DomainError, path: str) -> Answer:
    """The problem of a refusal, with the headers that go with it."""
    headers: tuple[tuple[str, str], ...] = ()
    if isinstance(refused, KeyRefused):
        headers = (CHALLENGE,)
    elif isinstance(refused, SnapshotMissing):
        headers = (RETRY_SHORTLY,)
    return refusal(
        status=refused.status, code=refused.code, detail=refused.detail, path=path, headers=headers, **refused.extra
    )


def refusal(
    *,
    status: int,
    code: str,
    detail: str,
    path: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    **extra: object,
) -> Answer:
    """A problem as an answer."""
    body = problem(status=status, code=code, detail=detail, instance=path, **extra)
    return Answer(status, (("Content-Type", CONTENT_TYPE), *headers), orjson.dumps(body))
