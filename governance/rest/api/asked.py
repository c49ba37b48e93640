from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.errors import NotFound, PersonRequired
from governance.people.models import ApiKey
from governance.rest.api.authentication import actor
from governance.rest.api.pagination import CursorPagination
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="Repeats with the same key have one effect."
)


def organisation_asked(request: Request, path: str) -> Scope:
    found = Scope.objects.visible_to(actor(request)).filter(path=path, parent__isnull=True).first()
    if found is None:
        raise NotFound("There is no such organisation among those you may see.", code="scope_unknown")
    return found


def person_asked(request: Request) -> None:
    if isinstance(request.auth, ApiKey):
        raise PersonRequired("What was recorded is corrected or closed by a person who has signed in, never by a key.")


def listed(
    view: Any,
    request: Request,
    rows: QuerySet[Any],
    scope: str | None,
    page: CursorPagination,
    serializer: type[serializers.ModelSerializer[Any]],
) -> Response:
    scope_id = scope_asked(request, scope)
    if scope_id is not None:
        rows = rows.filter(scope_id__in=scope_tree().descendants(scope_id))
    shown = page.paginate_queryset(rows, request, view=view)
    return page.get_paginated_response(serializer(shown, many=True).data)


def scope_asked(request: Request, path: str | None) -> int | None:
    """The scope's id; one that may not be seen is one that is not there."""
    if path is None:
        return None
    node = scope_tree().by_path.get(path)
    if node is None or not actor(request).sees(path):
        raise NotFound("There is no such scope among those you may see.", code="scope_unknown")
    return node.id
