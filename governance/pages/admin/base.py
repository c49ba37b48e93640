"""Base classes of the admin's pages: what one sees, and who may change it."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import RelatedFieldListFilter
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import Field, ModelChoiceField
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from governance.errors import DomainError
from governance.pages.admin.export import ExportedAdmin
from governance.pages.admin.pagination import BoundedPaginator
from governance.pages.admin.show import columns_of
from governance.people.models import User
from governance.people.rules import Actor
from governance.scopes.models import Scope


def acting(request: HttpRequest) -> Actor:
    """The person signed in, as an actor. PermissionDenied for nobody."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return Actor.of_user(request.user)


class _ScopesForm(AutocompleteDropdownForm):  # type: ignore[misc]  # Unfold has no types.
    def __init__(self, *, request: HttpRequest, name: str, **kwargs: Any) -> None:
        super().__init__(request=request, name=name, **kwargs)
        # Of a scope that one does not see not even the path is shown.
        self.fields[name].queryset = Scope.objects.visible_to(acting(request))


class VisibleScopes(AutocompleteSelectFilter):  # type: ignore[misc]  # Unfold has no types.
    """A filter by scope that offers the visible ones as one types: there may be 100,000."""

    form_class = _ScopesForm


class VisibleOrganisations(RelatedFieldListFilter):
    """A filter by organisation that offers the visible ones; Django's own offers every scope of every organisation."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        del model_admin
        organisations = Scope.objects.visible_to(acting(request)).filter(parent__isnull=True)
        return field.get_choices(
            include_blank=False, ordering=("path",), limit_choices_to={"pk__in": organisations.values("pk")}
        )


class VisibleAdmin(ExportedAdmin, ModelAdmin):  # type: ignore[misc]  # Unfold has no types.
    """Shows and offers only what lies in the scopes of the person signed in. Nothing that is governed is deleted."""

    list_fullwidth = True
    list_filter_submit = True
    paginator = BoundedPaginator

    def __init__(self, model: type[Model], admin_site: Any) -> None:
        super().__init__(model, admin_site)
        self.list_display = columns_of(self)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        visible: QuerySet[Any] = self.model.objects.visible_to(acting(request))
        ordering = self.get_ordering(request)
        return visible.order_by(*ordering) if ordering else visible

    def rows_seen(self, request: HttpRequest, object_id: object) -> QuerySet[Any]:
        """The visible row of this number; none for what stands in an address and is no number of the model's rows."""
        rows = self.get_queryset(request)
        try:
            number = self.model._meta.pk.to_python(object_id)  # noqa: SLF001  # as below
        except ValidationError:
            return rows.none()
        return rows.filter(pk=number)

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Scopes are found as one types; an organisation is chosen from a list."""
        named: tuple[str, ...] = tuple(super().get_autocomplete_fields(request))
        to_scopes = (
            field.name
            for field in self.model._meta.fields  # noqa: SLF001  # Django's public introspection, whatever its name.
            if field.related_model is Scope and field.name != "organisation"
        )
        return tuple(dict.fromkeys((*named, *to_scopes)))

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.related_model is Scope:
            kwargs["queryset"] = Scope.objects.visible_to(acting(request)).order_by("path")
        field: ModelChoiceField[Any] | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the address says of the form's fields, but for what cannot stand in them."""
        stated: dict[str, Any] = super().get_changeform_initial_data(request)
        fields = self.get_form(request).base_fields
        return {name: value for name, value in stated.items() if name in fields and _may_stand_in(fields[name], value)}

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False


def _may_stand_in(field: Field, value: object) -> bool:
    try:
        field.clean(value)
    except (ValidationError, ValueError, TypeError, OverflowError):
        return False
    return True


class OperatedAdmin(VisibleAdmin):
    """Saving calls an operation, which may refuse."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """An operation's refusal is shown as the form's error, with what was typed; nothing was saved."""
        try:
            answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refused:
            request.refused = refused  # type: ignore[attr-defined]  # read by `get_form`, which makes the form invalid
            answer = super().changeform_view(request, object_id, form_url, extra_context)
        return answer

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002  # Django's signature
        form = super().get_form(request, obj, change, **kwargs)
        refused: DomainError | None = getattr(request, "refused", None)
        return form if refused is None else _refusing(form, refused)


def _refusing(form: Any, refused: DomainError) -> Any:
    """The form, which says why the operation refused it."""

    def clean(self: Any) -> Any:
        cleaned = super(refusing, self).clean()
        self.add_error(None, refused.detail)
        return cleaned

    refusing: Any = type(form.__name__, (form,), {"clean": clean})
    return refusing


class RecordAdmin(VisibleAdmin):
    """Rows that are records: read-only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False


class DecidedAdmin(OperatedAdmin):
    """A decision is made by adding a row, through its operation, and never changed."""

    list_per_page = 50

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.name == "organisation" and field.queryset is not None:
            field.queryset = field.queryset.filter(parent__isnull=True)
        return field


def taken_over(instance: Any, created: Any) -> None:
    """Makes Django's form instance the row that the operation created."""
    instance.__dict__.update(created.__dict__)
