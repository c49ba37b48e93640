"""Read-only lists, narrowed to a scope by links."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from governance.pages.admin.base import RecordAdmin
from governance.scopes.models import at_or_below


class Below(admin.SimpleListFilter):
    """A scope and all below it, set by the link that was followed; not offered for choice."""

    title = "scope and below"
    parameter_name = "below"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del model_admin
        path = request.GET.get(self.parameter_name)
        return [(path, path)] if path else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        path = self.value()
        return queryset.filter(at_or_below((path,), "scope__path")) if path else queryset


class ReadOnlyAdmin(RecordAdmin):
    """A list of records; narrowed by scope where the model has one."""

    list_per_page = 50
    show_full_result_count = False

    def get_list_filter(self, request: HttpRequest) -> tuple[Any, ...]:
        filters = tuple(super().get_list_filter(request))
        has_scope = any(field.name == "scope" for field in self.model._meta.get_fields())  # noqa: SLF001  # Django's own
        return (*filters, Below) if has_scope else filters
