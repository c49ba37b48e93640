"""Whether an ID token is what the provider said, to us, now, and in answer to what we asked (OpenID Connect Core,
3.1.3.7). Signatures are always looked at, also of tokens that came straight from the provider.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import jwt
from jwt.types import Options

from governance.sign_in.engine.providers import SUBJECT_LENGTH_MAX

# By public keys only: with HS256 whoever knows the client's secret could sign, or who takes the public key for it.
KEY_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
REQUIRED = ("iss", "sub", "aud", "exp", "iat", "nonce")
# Clocks differ.
LEEWAY_S = 60
# As long as somebody may take at the provider.
ISSUED_WITHIN_S = 600
# Times are checked here, against the instant that is given.
OPTIONS: Options = {
    "require": list(REQUIRED),
    "enforce_minimum_key_length": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}

Keys = Sequence[Mapping[str, object]]


class TokenRefused(Exception):
    """Why a token proves nothing, for the log."""


class KeyUnknown(TokenRefused):
    """It is signed by a key that the provider did not have when it was asked."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say. `fresh_since` is set where the person was to show anew who they are."""

    issuer: str
    client_id: str
    nonce: str
    fresh_since: datetime | None = None


def claims_of(token: str, *, keys: Keys, expected: Expected, at: datetime) -> Mapping[str, Any]:
    """What the token says, when all of it holds; `keys` are the provider's own, as JSON Web Keys. TokenRefused."""
    try:
        header = jwt.get_unverified_header(token)
        key = _key_for(header, keys)
        claims: dict[str, Any] = jwt.decode(
            token,
            key=key,
            algorithms=[key.algorithm_name],
            audience=expected.client_id,
            issuer=expected.issuer,
            options=OPTIONS,
        )
    except jwt.PyJWTError as problem:
        raise TokenRefused(f"{type(problem).__name__}: {problem}") from None
    _check_parties(claims, expected)
    _check_times(claims, at)
    if expected.fresh_since is not None:
        since = expected.fresh_since.timestamp() - LEEWAY_S
        if _number(claims, "auth_time") < since:
            raise TokenRefused("the person did not show anew who they are (auth_time)")
    return claims


def _key_for(header: Mapping[str, Any], keys: Keys) -> jwt.PyJWK:
    algorithm, name = header.get("alg"), header.get("kid")
    kind = KEY_TYPES.get(algorithm) if isinstance(algorithm, str) else None
    if kind is None:
        raise TokenRefused(f"it is signed by {algorithm!r}, which proves nothing here")
    fitting = [
        key
        for key in keys
        if key.get("kty") == kind
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (name is None or key.get("kid") == name)
    ]
    if not fitting:
        raise KeyUnknown(f"the provider has no key {name!r} for {algorithm}")
    if len(fitting) > 1:
        raise TokenRefused("it does not say by which of several keys it is signed (kid)")
    return jwt.PyJWK(dict(fitting[0]), algorithm)


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    audience = claims["aud"]
    is_for_others_too = isinstance(audience, list) and len(audience) > 1
    if (is_for_others_too or "azp" in claims) and claims.get("azp") != expected.client_id:
        raise TokenRefused("it was made for another client (azp)")
    nonce, subject = claims["nonce"], claims["sub"]
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise TokenRefused("it answers another question (nonce)")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH_MAX or "\0" in subject:
        raise TokenRefused("it names nobody (sub)")


def _check_times(claims: Mapping[str, Any], at: datetime) -> None:
    now = at.timestamp()
    if _number(claims, "exp") <= now - LEEWAY_S:
        raise TokenRefused("it has expired (exp)")
    if not now - ISSUED_WITHIN_S - LEEWAY_S <= _number(claims, "iat") <= now + LEEWAY_S:
        raise TokenRefused("it was not made just now (iat): compare the clocks")
    if "nbf" in claims and _number(claims, "nbf") > now + LEEWAY_S:
        raise TokenRefused("it holds later only (nbf): compare the clocks")


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TokenRefused(f"its {name} is no time")
    return float(value)
