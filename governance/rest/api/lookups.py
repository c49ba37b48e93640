"""Rows and scopes that a request names, among those the caller may see. What may not be seen is reported as not
existing.
"""

from typing import Any, TypeVar, overload

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from governance.errors import NotFound, PersonRequired
from governance.people.models import ApiKey
from governance.people.rules import Actor
from governance.rest.api.authentication import actor
from governance.scopes.models import Scope
from governance.scopes.queries import ScopeNode, ScopeTree, scope_tree

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="Repeats with the same key have one effect."
)
CURSOR = OpenApiParameter("cursor", str, description="From `next` or `previous` of another page.")
LIMIT = OpenApiParameter("limit", int, description="Rows on a page.")
RowT = TypeVar("RowT", bound=Model)


def row_asked(rows: QuerySet[RowT], noun: str, *, code: str | None = None, **lookup: Any) -> RowT:
    """The row that fits `lookup`; `rows` are those the caller may see, and `noun` names one to a person. Raises
    NotFound.
    """
    row = rows.filter(**lookup).first()
    if row is None:
        raise NotFound(f"There is no such {noun} among those you may see.", code=code)
    return row


def organisation_asked(request: Request, path: str) -> Scope:
    """The organisation at `path`; NotFound (`scope_unknown`)."""
    visible = Scope.objects.visible_to(actor(request)).filter(parent__isnull=True)
    return row_asked(visible, "organisation", code="scope_unknown", path=path)


def visible_scope(request: Request, path: str) -> Scope:
    """The scope at `path`; NotFound (`scope_unknown`)."""
    return row_asked(Scope.objects.visible_to(actor(request)), "scope", code="scope_unknown", path=path)


@overload
def scope_asked(request: Request, path: str) -> int: ...
@overload
def scope_asked(request: Request, path: str | None) -> int | None: ...
def scope_asked(request: Request, path: str | None) -> int | None:
    """The scope's id; None when the request names none. NotFound (`scope_unknown`)."""
    return None if path is None else visible_node(scope_tree(), actor(request), path).id


def visible_node(tree: ScopeTree, viewer: Actor, path: str) -> ScopeNode:
    """As `visible_scope`, from the tree in memory. What the viewer sees is looked up in either case, so that a scope of
    others takes no longer than one that nobody has.
    """
    node, is_seen = tree.by_path.get(path), viewer.sees(path)
    if node is None or not is_seen:
        raise NotFound("There is no such scope among those you may see.", code="scope_unknown")
    return node


def person_asked(request: Request) -> None:
    """PersonRequired when the request was made with a key."""
    if isinstance(request.auth, ApiKey):
        raise PersonRequired("What was recorded is corrected or closed by a person who has signed in, never by a key.")
