"""Who makes a request: an API key, or a person in a browser session."""

from __future__ import annotations

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
        key = operations.authenticate_key(header[len(SCHEME) :].strip(), at=timezone.now())
        if key is None:
            raise AuthenticationFailed("This API key is unknown, revoked or expired.", code="key_invalid")
        return KeyHolder(key), key

    def authenticate_header(self, request: Request) -> str:
        del request
        return 'Bearer realm="weir"'


def actor(request: Request) -> Actor:
    """Who makes the request. NotAuthenticated for nobody, so that a view which forgot its permission stays closed."""
    if isinstance(request.auth, ApiKey):
        return Actor.of_key(request.auth)
    if isinstance(request.user, User):
        return Actor.of_user(request.user)
    raise NotAuthenticated
