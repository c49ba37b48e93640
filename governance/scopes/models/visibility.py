"""Which rows an actor may see, by the paths of their scopes."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Protocol, Self, TypeVar

from django.db import models
from django.db.models import Q

RowT = TypeVar("RowT", bound=models.Model)


class Viewer(Protocol):
    """What visibility needs of an actor; `governance.people.rules.Actor` is one."""

    @property
    def sees_everything(self) -> bool: ...

    @property
    def visible_paths(self) -> tuple[str, ...]: ...


def at_or_below(paths: tuple[str, ...], field: str) -> Q:
    """Rows whose path in `field` is one of `paths` or below one; none when there are no paths.
    `governance.scopes.engine.is_at_or_below` is the same in Python.
    """
    where = Q(pk__in=())
    for path in paths:
        where |= Q(**{field: path}) | Q(**{f"{field}__startswith": f"{path}/"})
    return where


def seen_by(actor: Viewer, *fields: str) -> Q:
    """Rows with a path in one of `fields` that the actor may see; `Actor.sees` is the same in Python."""
    if actor.sees_everything:
        return Q()
    return reduce(or_, (at_or_below(actor.visible_paths, field) for field in fields))


class ScopedQuerySet(models.QuerySet[RowT]):
    """For a model with a foreign key `scope`; others set `path_field` to their way to a scope's path."""

    path_field = "scope__path"

    def visible_to(self, actor: Viewer) -> Self:
        """The rows that the actor may see."""
        return self.filter(seen_by(actor, self.path_field))

    def at_or_below_path(self, path: str) -> Self:
        """The rows of the scope at `path` and of all below it."""
        return self.filter(at_or_below((path,), self.path_field))


class OrganisationQuerySet(ScopedQuerySet[RowT]):
    """For a model with a foreign key `organisation`."""

    path_field = "organisation__path"
