"""Every forgery of an ID token is refused, and says why."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from governance.sign_in.engine.tokens import Expected, KeyUnknown, TokenRefused, claims_of
from tests.governance.sign_in.identity_provider import public_jwk, signed, signing_key

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW = int(AT.timestamp())
EXPECTED = Expected(issuer="https://id.example.com", client_id="weir", nonce="n-0S6")
CLAIMS = {
    "iss": "https://id.example.com", "aud": "weir", "sub": "248289", "nonce": "n-0S6", "iat": NOW, "exp": NOW + 300,
    "auth_time": NOW,
}  # fmt: skip


def read(token: str, *keys: dict[str, Any], expected: Expected = EXPECTED) -> Any:
    return claims_of(token, keys=keys or [public_jwk()], expected=expected, at=AT)


def encoded(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def by_public_key() -> str:
    """HS256 with the public key as the secret: the confusion of algorithms. PyJWT refuses to make one."""
    import hashlib
    import hmac

    pem = (
        signing_key("first")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    said = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{encoded(CLAIMS)}"
    signature = urlsafe_b64encode(hmac.digest(pem, said.encode(), hashlib.sha256)).rstrip(b"=").decode()
    return f"{said}.{signature}"


def of_another_person() -> str:
    head, _, signature = signed(CLAIMS).split(".")
    return f"{head}.{encoded({**CLAIMS, 'sub': '1'})}.{signature}"


def test_what_the_provider_signed_is_read() -> None:
    assert read(signed(CLAIMS)) == CLAIMS
    assert read(signed({**CLAIMS, "aud": ["weir"]}))["aud"] == ["weir"]
    assert read(signed({**CLAIMS, "aud": ["weir", "other"], "azp": "weir"}))["azp"] == "weir"
    assert read(signed(CLAIMS), expected=Expected("https://id.example.com", "weir", "n-0S6", AT)) == CLAIMS


def test_other_kinds_of_keys_are_read() -> None:
    curve, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    of_curve: dict[str, Any] = ECAlgorithm.to_jwk(curve.public_key(), as_dict=True)
    of_edwards: dict[str, Any] = OKPAlgorithm.to_jwk(edwards.public_key(), as_dict=True)
    assert read(jwt.encode(CLAIMS, curve, "ES256"), {**of_curve, "kid": "a"}, public_jwk()) == CLAIMS
    assert read(jwt.encode(CLAIMS, edwards, "EdDSA"), of_edwards) == CLAIMS


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda: signed(CLAIMS, "second"), "the provider has no key 'second' for RS256"),
        (lambda: jwt.encode(CLAIMS, signing_key("second"), "RS256", headers={"kid": "first"}), "InvalidSignatureError"),
        (of_another_person, "InvalidSignatureError"),
        (lambda: f"{encoded({'alg': 'none'})}.{encoded(CLAIMS)}.", "it is signed by 'none'"),
        (lambda: f"{encoded({'alg': 'None', 'kid': 'first'})}.{encoded(CLAIMS)}.", "it is signed by 'None'"),
        (lambda: f"{encoded({'alg': ['RS256'], 'kid': 'first'})}.{encoded(CLAIMS)}.", "it is signed by ['RS256']"),
        (by_public_key, "it is signed by 'HS256'"),
        (lambda: jwt.encode(CLAIMS, "a secret of the client, long enough", "HS256"), "it is signed by 'HS256'"),
        (lambda: signed(CLAIMS, algorithm="RS512"), "the provider has no key 'first' for RS512"),
        (lambda: "not.a.token", "DecodeError"),
        (lambda: "", "DecodeError"),
        (
            lambda: jwt.encode(CLAIMS, signing_key("first"), "RS256", headers={"kid": "first", "crit": ["x"], "x": 1}),
            "InvalidTokenError",
        ),
    ],
)
def test_no_signature_but_the_providers_is_taken(forge: Callable[[], str], why: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        read(forge())
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://other.example.com"}, "InvalidIssuerError"),
        ({"iss": "https://id.example.com/"}, "InvalidIssuerError"),
        ({"iss": ["https://id.example.com"]}, "InvalidIssuerError"),
        ({"aud": "other"}, "InvalidAudienceError"),
        ({"aud": []}, "MissingRequiredClaimError"),
        ({"aud": ["weir", "other"]}, "it was made for another client (azp)"),
        ({"azp": "other"}, "it was made for another client (azp)"),
        ({"nonce": "n-0S7"}, "it answers another question (nonce)"),
        ({"nonce": ["n-0S6"]}, "it answers another question (nonce)"),
        ({"nonce": None}, "MissingRequiredClaimError"),
        ({"sub": ""}, "it names nobody (sub)"),
        ({"sub": "x" * 256}, "it names nobody (sub)"),
        ({"exp": NOW - 60}, "it has expired (exp)"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"exp": "tomorrow"}, "its exp is no time"),
        ({"exp": True}, "its exp is no time"),
        ({"exp": float("inf")}, "its exp is no time"),
        ({"iat": float("nan")}, "its iat is no time"),
        ({"iat": NOW + 61}, "it was not made just now (iat): compare the clocks"),
        ({"iat": NOW - 661}, "it was not made just now (iat): compare the clocks"),
        ({"nbf": NOW + 61}, "it holds later only (nbf): compare the clocks"),
    ],
)
def test_a_signed_token_for_something_else_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        read(signed({name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}))
    assert str(refused.value).startswith(why)


def test_a_key_for_something_else_is_not_taken() -> None:
    for other in ({"use": "enc"}, {"alg": "PS256"}, {"kty": "oct", "k": "c2VjcmV0"}):
        with pytest.raises(KeyUnknown):
            read(signed(CLAIMS), {**public_jwk(), **other})


def test_which_of_two_keys_signed_must_be_said() -> None:
    token = jwt.encode(CLAIMS, signing_key("first"), "RS256")
    assert read(token) == CLAIMS
    with pytest.raises(TokenRefused, match="several keys"):
        read(token, public_jwk("second"), public_jwk())


def test_a_short_key_is_refused() -> None:
    short = generate_private_key(65537, 1024)
    jwk: dict[str, Any] = RSAAlgorithm.to_jwk(short.public_key(), as_dict=True)
    with pytest.raises(TokenRefused, match="InvalidKeyError"):
        read(jwt.encode(CLAIMS, short, "RS256"), jwk)


def test_a_sign_in_from_before_shows_nothing_anew() -> None:
    expected = Expected("https://id.example.com", "weir", "n-0S6", AT + timedelta(seconds=61))
    with pytest.raises(TokenRefused, match="auth_time"):
        read(signed(CLAIMS), expected=expected)
    with pytest.raises(TokenRefused, match="its auth_time is no time"):
        read(signed({**CLAIMS, "auth_time": "now"}), expected=expected)
