"""An OpenID Connect provider on loopback: discovery, keys, authorization, and tokens for codes with PKCE."""

import hmac
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from time import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from governance.sign_in.engine.providers import IdentityProvider, parse_groups

CLIENT_ID, CLIENT_SECRET = "weir", "a secret of the client"
GROUPS = "weir-finance=finance@acme; weir-search=engineering@acme/search; weir-admins=superuser"

Claims = dict[str, Any]
Signer = Callable[[Claims], str]


@cache
def signing_key(name: str) -> RSAPrivateKey:
    del name
    return generate_private_key(65537, 2048)


def signed(claims: Claims, name: str = "first", algorithm: str = "RS256") -> str:
    """Also of claims that PyJWT would not sign."""
    said = json.dumps(claims).encode()
    return jwt.PyJWS().encode(said, signing_key(name), algorithm, headers={"typ": "JWT", "kid": name})


def public_jwk(name: str = "first") -> dict[str, Any]:
    jwk: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(signing_key(name).public_key(), as_dict=True)
    return {**jwk, "kid": name, "use": "sig", "alg": "RS256"}


@dataclass
class Person:
    """Who is at the provider's page."""

    sub: str = "248289761001"
    email: str = "ada@example.com"
    groups: tuple[str, ...] = ("weir-finance",)
    more: Claims = field(default_factory=dict)

    def claims(self) -> Claims:
        named = {"sub": self.sub, "email": self.email, "email_verified": True, "groups": list(self.groups)}
        return {**named, "given_name": "Ada", "family_name": "Lovelace", **self.more}


@dataclass
class Code:
    query: dict[str, str]
    person: Person


class IdentityProviderDouble:
    """`sign` makes a token of its claims: tests forge there."""

    def __init__(self, server: HTTPServer) -> None:
        self.issuer = server.url_for("").rstrip("/")
        self.person = Person()
        self.keys = ["first"]
        self.sign: Signer = signed
        self.description: dict[str, Any] = {}
        self.refused: list[str] = []
        self._codes: dict[str, Code] = {}
        server.expect_request("/.well-known/openid-configuration").respond_with_handler(self._describe)
        server.expect_request("/keys").respond_with_handler(self._list_keys)
        server.expect_request("/token", method="POST").respond_with_handler(self._token)

    @property
    def settings(self) -> IdentityProvider:
        return IdentityProvider(
            issuer=self.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, name="Acme",
            scopes=("openid", "email"), groups_claim="groups", groups=parse_groups(GROUPS), vouching=frozenset({"mfa"}),
        )  # fmt: skip

    def without_secret(self) -> IdentityProvider:
        return replace(self.settings, client_secret="")

    def authorize(self, address: str) -> str:
        """The person agrees at the page that `address` leads to; where the browser is sent then."""
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query))
        assert (parts._replace(query="").geturl(), query["response_type"]) == (f"{self.issuer}/authorize", "code")
        assert (query["client_id"], query["code_challenge_method"]) == (CLIENT_ID, "S256")
        code = secrets.token_urlsafe(16)
        self._codes[code] = Code(query, self.person)
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def _describe(self, _request: Request) -> Response:
        known = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return answered({**known, **self.description})

    def _list_keys(self, _request: Request) -> Response:
        return answered({"keys": [public_jwk(name) for name in self.keys]})

    def _token(self, request: Request) -> Response:
        form = request.form
        code = self._codes.pop(form.get("code", ""), None)
        if not self._knows(request):
            return self._refuse("invalid_client", 401)
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if (
            code is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != code.query["redirect_uri"]
            or not hmac.compare_digest(challenge, code.query["code_challenge"])
        ):
            return self._refuse("invalid_grant", 400)
        now = int(time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "auth_time": now,
            "nonce": code.query["nonce"], **code.person.claims(),
        }  # fmt: skip
        return answered({"access_token": "unused", "token_type": "Bearer", "id_token": self.sign(claims)})

    def _knows(self, request: Request) -> bool:
        scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return request.form.get("client_id") == CLIENT_ID and "client_secret" not in request.form
        return b64decode(pair).decode() == f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '+')}"

    def _refuse(self, error: str, status: int) -> Response:
        self.refused.append(error)
        return answered({"error": error}, status)


def answered(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status=status, content_type="application/json")
