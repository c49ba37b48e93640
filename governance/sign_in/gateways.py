"""What the identity provider is asked: its own description, its keys, and the token for a code. Answers are bounded,
and nothing leads elsewhere.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote_plus

import requests
from urllib3.exceptions import HTTPError

from governance.sign_in.engine.providers import IdentityProvider, is_safe_address
from governance.sign_in.engine.tokens import Keys
from governance.work.operations import DeadlineOver, within

ResultT = TypeVar("ResultT")

WELL_KNOWN = "/.well-known/openid-configuration"
CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 5
ANSWER_WITHIN_S = 10
ANSWER_BYTES_MAX = 512 * 1024
KEPT_S = 600
# A token with a key that nobody has asks for the keys at most so often.
KEYS_AGAIN_AFTER_S = 30
KEYS_MAX = 100
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class ProviderFailed(Exception):
    """The provider gave no answer that could be used, with the reason for the log; `refuses` when it did not take what
    it was sent.
    """

    def __init__(self, reason: str, *, refuses: bool = False) -> None:
        super().__init__(reason)
        self.refuses = refuses


@dataclass(frozen=True, slots=True)
class Description:
    """What the provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    takes_basic: bool
    states_issuer: bool


@dataclass(slots=True)
class _Kept:
    description: Description
    described_at: float
    keys: Keys = ()
    keys_at: float = field(default=-1e9)


remembered: dict[str, _Kept] = {}
_lock = threading.Lock()


def in_time(ask: Callable[[], ResultT]) -> ResultT:
    """What `ask` returns, which asks the provider once or several times; ProviderFailed when all of it together, names
    and heads of answers included, takes longer than `ANSWER_WITHIN_S`.
    """
    try:
        return within(ANSWER_WITHIN_S, ask, name="identity provider")
    except DeadlineOver:
        raise ProviderFailed(f"its answers took longer than {ANSWER_WITHIN_S} s") from None


def description_of(issuer: str) -> Description:
    """Asked again after ten minutes. ProviderFailed."""
    kept = remembered.get(issuer)
    if kept is None or time.monotonic() >= kept.described_at + KEPT_S:
        described = _described(_answer("GET", issuer.rstrip("/") + WELL_KNOWN), issuer)
        with _lock:
            kept = remembered[issuer] = _Kept(described, time.monotonic())
    return kept.description


def keys_of(issuer: str, *, anew: bool = False) -> Keys:
    """Asked again after ten minutes, or `anew` when it did not have the key, seldom. ProviderFailed."""
    description, kept = description_of(issuer), remembered[issuer]
    if time.monotonic() >= kept.keys_at + (KEYS_AGAIN_AFTER_S if anew else KEPT_S):
        found = _answer("GET", description.jwks_uri).get("keys")
        if not isinstance(found, list) or len(found) > KEYS_MAX:
            raise ProviderFailed("its jwks_uri has no list of keys")
        with _lock:
            kept.keys, kept.keys_at = [one for one in found if isinstance(one, dict)], time.monotonic()
    return kept.keys


def token_for(provider: IdentityProvider, *, code: str, verifier: str, redirect_uri: str) -> str:
    """The ID token that the provider gives for a code, unchecked. ProviderFailed."""
    description = description_of(provider.issuer)
    sent = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier,
    }  # fmt: skip
    headers = {}
    if provider.client_secret and description.takes_basic:
        pair = f"{quote_plus(provider.client_id)}:{quote_plus(provider.client_secret)}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        sent["client_id"] = provider.client_id
        if provider.client_secret:
            sent["client_secret"] = provider.client_secret
    token = _answer("POST", description.token_endpoint, sent, headers).get("id_token")
    if not isinstance(token, str):
        raise ProviderFailed("it gave no id_token for the code: is 'openid' among WEIR_OIDC_SCOPES?")
    return token


def _described(answer: Mapping[str, Any], issuer: str) -> Description:
    if answer.get("issuer") != issuer:
        raise ProviderFailed(f"it calls itself {answer.get('issuer')!r}: WEIR_OIDC_ISSUER must be exactly that")
    methods = answer.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Description(
        issuer=issuer,
        authorization_endpoint=_address(answer, "authorization_endpoint"),
        token_endpoint=_address(answer, "token_endpoint"),
        jwks_uri=_address(answer, "jwks_uri"),
        takes_basic=isinstance(methods, list) and "client_secret_basic" in methods,
        states_issuer=answer.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(answer: Mapping[str, Any], name: str) -> str:
    address = answer.get(name)
    if not isinstance(address, str) or not is_safe_address(address):
        raise ProviderFailed(f"its {name} is no https address")
    return address


def _answer(
    method: str, url: str, sent: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """The JSON object that is answered with 200."""
    until = time.monotonic() + ANSWER_WITHIN_S
    try:
        with requests.request(
            method, url, data=sent, headers={**HEADERS, **(headers or {})},
            timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S), allow_redirects=False, stream=True,
        ) as response:  # fmt: skip
            body = _body(response, until)
    except (requests.RequestException, HTTPError, OSError) as problem:
        raise ProviderFailed(f"it could not be asked: {type(problem).__name__}") from None
    status = response.status_code
    if status != HTTPStatus.OK:
        is_refused = method == "POST" and HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        raise ProviderFailed(f"it answered {status}{_said(body)}", refuses=is_refused)
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ProviderFailed("it answered no JSON object")
    return answer


def _body(response: requests.Response, until: float) -> bytes:
    """Whatever arrives at a time, so that one that drips is given up."""
    body = b""
    while part := response.raw.read1(ANSWER_BYTES_MAX, decode_content=True):
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise ProviderFailed(f"it answered more than {ANSWER_BYTES_MAX} bytes")
        if time.monotonic() > until:
            raise ProviderFailed(f"its answer took longer than {ANSWER_WITHIN_S} s")
    return body


def _said(body: bytes) -> str:
    """The error's code of OAuth, which holds no secret."""
    try:
        code = json.loads(body).get("error")
    except (ValueError, AttributeError):
        return ""
    return f" {code[:60]}" if isinstance(code, str) else ""
