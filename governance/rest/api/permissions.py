"""Permissions of views."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission

from governance.people.models import ApiKey, KeyPermission, User
from governance.people.rules import person_may_use

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


@cache
def requires(permission: str) -> type[BasePermission]:
    """A permission class: a key must hold `permission`; a person signed in must have a persona that covers it."""
    wanted = KeyPermission(permission)

    class Requires(BasePermission):
        message = f"This needs the permission {wanted.value}."
        code = "permission_missing"

        def has_permission(self, request: Request, view: APIView) -> bool:
            del view
            if isinstance(request.auth, ApiKey):
                return request.auth.has_permission(wanted)
            return isinstance(request.user, User) and person_may_use(request.user, wanted)

    Requires.__name__ = f"Requires_{wanted.name}"
    return Requires


def requires_either(request: Request, *, reading: str, writing: str) -> list[BasePermission]:
    """The permissions of a view that both lists and makes: `reading` for whoever only looks, else `writing`."""
    return [requires(reading if request.method in SAFE_METHODS else writing)()]
