"""Imports in the admin: read-only but for the reason by which one is withdrawn."""

from __future__ import annotations

from typing import Any

from django.forms import ModelForm
from django.http import HttpRequest

from governance.pages.admin.base import OperatedAdmin, acting, taken_over


class WithdrawableAdmin(OperatedAdmin):
    """Saving an import with a reason withdraws it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As whoever may correct usage where the import's rows may go."""
        if obj is None:
            return False
        path = obj.scope.path if obj.scope is not None else ""
        return obj.withdrawn_at is None and acting(request).may_change("allocation.adjustmentrun", path)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        named = tuple(super().get_readonly_fields(request, obj))
        fields = (field.name for field in self.model._meta.fields)  # noqa: SLF001  # Django's own
        return (*named, *(name for name in fields if name != "withdrawal_reason"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002  # Django's
        form = super().get_form(request, obj, change=change, **kwargs)
        if "withdrawal_reason" in form.base_fields:
            form.base_fields["withdrawal_reason"].required = True
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool) -> None:  # noqa: FBT001  # Django's
        del change
        reason = form.cleaned_data["withdrawal_reason"]
        taken_over(obj, self.withdraw(request, obj.pk, reason))

    def withdraw(self, request: HttpRequest, import_id: int, reason: str) -> Any:
        """The withdrawn import."""
        raise NotImplementedError
