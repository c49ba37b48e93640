"""Who makes a request: an API key, or a person in a browser session."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from governance.people import operations
from governance.people.models import ApiKey, User
from governance.people.rules import Actor

if TYPE_CHECKING:
    from rest_framework.request import Request

SCHEME = "bearer "
BASIC = "basic "


class KeyHolder:
    """The `request.user` of a request made with an API key: authenticated, but no person."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False
    pk = None

    def __init__(self, key: ApiKey) -> None:
        self.key = key

    def __str__(self) -> str:
        return f"key {self.key.prefix}"


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer weir_<prefix>_<secret>`"""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey] | None:
        header: str = request.META.get("HTTP_AUTHORIZATION", "")
        if header[: len(SCHEME)].lower() != SCHEME:
            return None
        return _holder_of(header[len(SCHEME) :].strip())

    def authenticate_header(self, request: Request) -> str:
        del request
        return 'Bearer realm="weir"'


class BasicKeyAuthentication(BaseAuthentication):
    """`Authorization: Basic` with a key as the password, whatever the user name: for senders that know no other way."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey] | None:
        header: str = request.META.get("HTTP_AUTHORIZATION", "")
        if header[: len(BASIC)].lower() != BASIC:
            return None
        try:
            stated = base64.b64decode(header[len(BASIC) :].strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            stated = ""
        return _holder_of(stated.partition(":")[2])

    def authenticate_header(self, request: Request) -> str:
        del request
        return 'Basic realm="weir"'


def _holder_of(plaintext: str) -> tuple[KeyHolder, ApiKey]:
    key = operations.authenticate_key(plaintext, at=timezone.now())
    if key is None:
        raise AuthenticationFailed("This API key is unknown, revoked or expired.", code="key_invalid")
    return KeyHolder(key), key


def actor(request: Request) -> Actor:
    """Who makes the request. NotAuthenticated for nobody, so that a view which forgot its permission stays closed."""
    if isinstance(request.auth, ApiKey):
        return Actor.of_key(request.auth)
    if isinstance(request.user, User):
        return Actor.of_user(request.user)
    raise NotAuthenticated
