"""Which rows somebody may see. One rule, written once: what lies at or below a scope they own or hold a key for."""

from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from governance.models.people import ApiKey, User

RowT = TypeVar("RowT", bound=models.Model)


class Viewer(Protocol):
    """What visibility needs to know of an actor (`governance.rules.Actor` is one)."""

    @property
    def user(self) -> "User | None": ...

    @property
    def key(self) -> "ApiKey | None": ...

    @property
    def sees_everything(self) -> bool: ...

    @property
    def visible_paths(self) -> tuple[str, ...]: ...


def at_or_below(paths: tuple[str, ...], field: str) -> Q:
    """Rows whose path in `field` is one of `paths` or lies below one; nothing when there are no paths."""
    where = Q(pk__in=())
    for path in paths:
        where |= Q(**{field: path}) | Q(**{f"{field}__startswith": f"{path}/"})
    return where


class ScopedQuerySet(models.QuerySet[RowT]):
    """For a model with a foreign key `scope`, or, by overriding `path_field`, another way to a scope's path."""

    path_field = "scope__path"

    def visible_to(self, actor: Viewer) -> Self:
        if actor.sees_everything:
            return self.all()
        return self.filter(at_or_below(actor.visible_paths, self.path_field))
