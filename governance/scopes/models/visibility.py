from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Protocol, Self, TypeVar

from django.db import models
from django.db.models import Q

RowT = TypeVar("RowT", bound=models.Model)


class Viewer(Protocol):
    """What visibility needs to know of an actor (`governance.people.rules.Actor` is one)."""

    @property
    def sees_everything(self) -> bool: ...

    @property
    def visible_paths(self) -> tuple[str, ...]: ...


def at_or_below(paths: tuple[str, ...], field: str) -> Q:
    """Rows whose path in `field` is one of `paths` or lies below one (`scopes.engine.is_at_or_below` in SQL); nothing
    when there are no paths.
    """
    where = Q(pk__in=())
    for path in paths:
        where |= Q(**{field: path}) | Q(**{f"{field}__startswith": f"{path}/"})
    return where


def seen_by(actor: Viewer, *fields: str) -> Q:
    """Rows with a path in one of `fields` that the actor sees (`Actor.sees` in SQL)."""
    if actor.sees_everything:
        return Q()
    return reduce(or_, (at_or_below(actor.visible_paths, field) for field in fields))


class ScopedQuerySet(models.QuerySet[RowT]):
    """For a model with a foreign key `scope`, or, by overriding `path_field`, another way to a scope's path."""

    path_field = "scope__path"

    def visible_to(self, actor: Viewer) -> Self:
        return self.filter(seen_by(actor, self.path_field))

    def at_or_below_path(self, path: str) -> Self:
        return self.filter(at_or_below((path,), self.path_field))


class OrganisationQuerySet(ScopedQuerySet[RowT]):
    path_field = "organisation__path"
