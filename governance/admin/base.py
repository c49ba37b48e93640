from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from governance.models import Scope, User
from governance.rules import Actor


def acting(request: HttpRequest) -> Actor:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return Actor.of_user(request.user)


class VisibleAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold has no types.
    """Shows and offers only what lies in the scopes of who looks. Nothing that is governed is ever deleted."""

    list_fullwidth = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        visible: QuerySet[Any] = self.model.objects.visible_to(acting(request))
        ordering = self.get_ordering(request)
        return visible.order_by(*ordering) if ordering else visible

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.related_model is Scope:
            kwargs["queryset"] = Scope.objects.visible_to(acting(request)).order_by("path")
        field: ModelChoiceField[Any] | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False


class RecordAdmin(VisibleAdmin):
    """Where the truth is a record: to be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False
