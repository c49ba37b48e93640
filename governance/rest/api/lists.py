"""How every list is made: parameters checked, rows limited to a scope, shown in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import QuerySet
from rest_framework.response import Response

from governance.rest.api.authentication import actor
from governance.rest.api.lookups import visible_node
from governance.rest.api.pagination import pages_by
from governance.scopes.queries import scope_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rest_framework import serializers
    from rest_framework.request import Request
    from rest_framework.views import APIView

RowsT = TypeVar("RowsT", bound=QuerySet[Any])


def narrowed(rows: RowsT, request: Request, path: str | None, *, to: str = "scope") -> RowsT:
    """`rows` whose foreign key `to` is the scope at `path` or one below it; all rows when `path` is None. NotFound for
    a scope that the caller may not see.
    """
    if path is None:
        return rows
    tree = scope_tree()
    top = visible_node(tree, actor(request), path)
    return rows.filter(**{f"{to}_id__in": tree.descendants(top.id)})


def listed(
    view: APIView,
    request: Request,
    rows: QuerySet[Any],
    out: type[serializers.BaseSerializer[Any]],
    *,
    ordering: Sequence[str],
    context_of: Callable[[list[Any]], Mapping[str, Any]] | None = None,
) -> Response:
    """A page of `rows`. `context_of` gets the page's rows and returns what the serializer needs besides them."""
    paginator = pages_by(*ordering)()
    page = paginator.paginate_queryset(rows, request, view=view) or []
    context = {"request": request, **(context_of(page) if context_of is not None else {})}
    return paginator.get_paginated_response(out(page, many=True, context=context).data)
