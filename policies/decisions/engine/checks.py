"""The same question in the form that a proxy asks: headers or a query in, a status out.

A proxy's question has the method, path and headers of the call that it asks about. nginx lets 2xx pass and hands on 401
and 403 alone; Envoy lets 200 alone pass; so an answer is 200, 401, 403, 429 or, when there is none to give, 503.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from urllib.parse import parse_qsl, quote

import orjson

from governance.errors import DomainError, Invalid
from governance.rest.engine.problems import CONTENT_TYPE, problem
from policies.decisions.documents import ProxysQuestion, Question, question_of
from policies.decisions.engine.answers import PATH, Answer, bearer_of, refused_as_problem
from policies.decisions.engine.decisions import Decision, Reason
from policies.decisions.errors import KeyRefused, SnapshotMissing

CHECK_PATH = f"{PATH}/check"
PREFIX = "x-weir-"
FIELDS = (
    "scope", "model", "provider", "operation", "service_tier", "source", "team", "key_alias", "key_hash",
)  # fmt: skip
KEY, DENIED_AS, ATTRIBUTES = "key", "denied_as", "attributes"
HEADERS: Mapping[str, str] = {name: PREFIX + name.replace("_", "-") for name in (*FIELDS, KEY, DENIED_AS, ATTRIBUTES)}
"""By what each is called in a query."""
CALLERS_KEYS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
TEXT = ("Content-Type", "text/plain; charset=utf-8")
# A longer wait than this is no wait: an SDK would sleep through it, and a person should be told instead.
WAIT_MAX = timedelta(hours=1)
HEADER_TEXT = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""Signs that a header holds as they are; of the others each byte is written with a percent sign."""


@dataclass(frozen=True, slots=True)
class Check:
    """``denied_as`` is the status of every denial, None for the one that fits; ``wants_json`` how it is worded."""

    question: Question
    plaintext: str
    denied_as: int | None
    wants_json: bool


def check_in(path: str, query: str, headers: Mapping[str, str], body: bytes) -> Check:
    """``headers`` by their names in small letters. Below CHECK_PATH path and query are the caller's own, who must not
    say what is asked: a query is read at CHECK_PATH itself, and comes before headers.

    Raises KeyRefused (`not_authenticated`), Invalid (`validation_failed`).
    """
    stated = {name: headers[header] for name, header in HEADERS.items() if headers.get(header)}
    if path == CHECK_PATH:
        stated |= _stated_in(query)
    plaintext = stated.pop(KEY, "") or bearer_of(headers.get("authorization", ""))
    denied_as = stated.pop(DENIED_AS, None)
    asked: dict[str, object] = dict(stated)
    if attributes := stated.get(ATTRIBUTES):
        asked[ATTRIBUTES] = dict(parse_qsl(attributes))
    if not stated.keys() & {"scope", "key_hash", "key_alias"} and headers.get(HEADERS[KEY]):
        asked |= _hash_of_callers_key(headers)
    if "model" not in stated and (model := _model_in(body)):
        asked["model"] = model
    wants_json = "json" in headers.get("accept", "")
    return Check(question_of(asked, ProxysQuestion), plaintext, 403 if denied_as == "403" else None, wants_json)


def _stated_in(query: str) -> dict[str, str]:
    """A key in an address would be logged everywhere, so it is no more a parameter than what is misspelt."""
    stated = dict(parse_qsl(query, keep_blank_values=True))
    unknown = [name for name in stated if name not in HEADERS or name == KEY]
    if unknown:
        detail = "There is no such parameter."
        faults = [{"field": name, "code": "parameter_unknown", "detail": detail} for name in unknown]
        raise Invalid("The request is not valid; see errors.", code="validation_failed", errors=faults)
    return {name: value for name, value in stated.items() if value}


def _hash_of_callers_key(headers: Mapping[str, str]) -> dict[str, object]:
    """As gateways name a key they must not show: SHA-256 in hexadecimal."""
    for name in CALLERS_KEYS:
        value = headers.get(name, "")
        secret = value.partition(" ")[2].strip() if value[:7].lower() == "bearer " else value.strip()
        if secret and not (name == "authorization" and secret == value.strip()):
            return {"key_hash": hashlib.sha256(secret.encode()).hexdigest()}
    return {}


def _model_in(body: bytes) -> str | None:
    """The model that the call's own body names, where the proxy sends it along whole."""
    if not body.startswith((b"{", b" ", b"\n", b"\r", b"\t")):
        return None
    try:
        model = orjson.loads(body).get("model")
    except (orjson.JSONDecodeError, AttributeError):
        return None
    return model if isinstance(model, str) else None


def answer_to_check(
    read: Callable[[], Check], decide: Callable[[Check], Decision], *, path: str, at: datetime
) -> Answer:
    """The decision as a status, with its reason and limit in headers and in a sentence."""
    try:
        check = read()
        decision = decide(check)
    except (KeyRefused, SnapshotMissing) as refused:
        return refused_as_problem(refused, path)
    except DomainError as refused:
        # Of a proxy that asks wrongly, as of a call that may not be made, the call does not pass.
        body = problem(status=403, code=refused.code, detail=refused.detail, instance=path, **refused.extra)
        headers = (("Content-Type", CONTENT_TYPE), ("X-Weir-Decision", "deny"), ("X-Weir-Reason", refused.code))
        return Answer(403, headers, orjson.dumps(body))
    stale = ("X-Weir-Stale", "true" if decision.stale else "false")
    if decision.decision == "allow":
        return Answer(200, (TEXT, ("X-Weir-Decision", "allow"), stale), b"")
    return _denial(check, decision, stale, path=path, at=at)


def _denial(check: Check, decision: Decision, stale: tuple[str, str], *, path: str, at: datetime) -> Answer:
    last = max(decision.reasons, key=lambda reason: reason.resets_at or "9999")
    wait_s = _wait_s(last, at)
    helps = wait_s is not None and wait_s <= WAIT_MAX.total_seconds()
    status = check.denied_as or (429 if helps else 403)
    sentence = sentence_of(last)
    headers = [("X-Weir-Decision", "deny"), stale, *_headers_of(last, sentence)]
    if helps:
        headers.append(("Retry-After", str(wait_s)))
    if not check.wants_json:
        return Answer(status, (TEXT, *headers), f"{sentence}\n".encode())
    error = {"message": sentence, "type": "weir_denied", "code": last.code}
    body = problem(status=status, code=last.code, detail=sentence, instance=path, reasons=decision.reasons, error=error)
    content = orjson.dumps(body, option=orjson.OPT_UTC_Z)
    return Answer(status, (("Content-Type", CONTENT_TYPE), *headers), content)


def _wait_s(reason: Reason, at: datetime) -> int | None:
    """Until the limit ends by itself; None where nobody knows when."""
    if not reason.retryable or reason.resets_at is None:
        return None
    return max(1, ceil((datetime.fromisoformat(reason.resets_at) - at).total_seconds()))


def sentence_of(reason: Reason) -> str:
    """What is used of what may be used, why the call does not pass, and until when."""
    used = ""
    if reason.limit is not None and reason.observed is not None:
        share, unit = (100, "%") if reason.unit == "ratio" else (1, reason.unit)
        amounts = f"{reason.observed * share:g} of {reason.limit * share:g} {unit}".strip()
        used = f"{amounts} are used at {reason.scope}. "
    why = f"{reason.guardrail} holds calls back: " if reason.guardrail else ""
    end = ""
    if reason.resets_at is not None:
        end = (
            f" It ends at {datetime.fromisoformat(reason.resets_at).astimezone(UTC):%Y-%m-%d %H:%M} UTC at the latest."
        )
    return f"{used}{why}{reason.detail.rstrip('.')}.{end}"


def _headers_of(reason: Reason, sentence: str) -> list[tuple[str, str]]:
    stated = {
        "Reason": reason.code, "Guardrail": reason.guardrail, "Step": reason.step, "Limit-Scope": reason.scope,
        "Limit": reason.limit, "Observed": reason.observed, "Unit": reason.unit, "Resets-At": reason.resets_at,
        "Detail": sentence,
    }  # fmt: skip
    return [(f"X-Weir-{name}", quote(str(value), safe=HEADER_TEXT)) for name, value in stated.items() if value]
