"""People, groups and API keys in the admin."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from governance.errors import DomainError
from governance.organisations import operations
from governance.organisations.operations import rights
from governance.pages.admin.base import OperatedAdmin, acting
from governance.people.models import ApiKey, KeyPermission, User
from governance.scopes.models import Scope

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]  # Unfold has no types.
    """Every change of a group is in the chain: with it changes what its members may do."""

    def save_model(self, request: HttpRequest, obj: Group, form: forms.ModelForm[Group], change: bool) -> None:  # noqa: FBT001  # Django's signature
        form.rights_before = rights.rights_of_group(obj) if change else rights.NONE  # type: ignore[attr-defined]  # read by `save_related`
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001  # Django's signature
        super().save_related(request, form, formsets, change)
        before = form.rights_before
        rights.record_group(group=form.instance, before=before, actor=acting(request), at=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        rights.delete_group(group=obj, actor=acting(request), at=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        with transaction.atomic():
            for group in queryset:
                self.delete_model(request, group)


class NewUserForm(UserCreationForm):  # type: ignore[misc]  # Unfold has no types.
    class Meta:
        model = User
        fields = ("email",)
        field_classes: dict[str, type[forms.Field]] = {}


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # Unfold has no types.
    form = UserChangeForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "first_name", "last_name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "ownerships__persona")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "password", "first_name", "last_name")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Seen", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)
    readonly_fields: ClassVar[tuple[str, ...]] = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Oneself, and those who own something in a scope that one may see."""
        people: QuerySet[User] = super().get_queryset(request)
        actor = acting(request)
        if actor.sees_everything:
            return people
        visible = Scope.objects.visible_to(actor)
        shared = Q(ownerships__scope__in=visible) | Q(groups__ownerships__scope__in=visible) | Q(pk=request.user.pk)
        return people.filter(shared).distinct()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Only a superuser gives staff or superuser status, or membership of groups."""
        fixed = tuple(super().get_readonly_fields(request, obj))
        return fixed if request.user.is_superuser else (*fixed, "is_staff", "is_superuser", "groups")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Superusers, and so their passwords, are changed by superusers only."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return bool(super().has_change_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool) -> None:  # noqa: FBT001  # Django's signature
        form.rights_before = rights.rights_of(obj) if change else rights.NONE  # type: ignore[attr-defined]  # read by `save_related`
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001  # Django's signature
        super().save_related(request, form, formsets, change)
        before = form.rights_before
        rights.record_person(user=form.instance, before=before, actor=acting(request), at=timezone.now())

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  # Django's signature
        with transaction.atomic():
            answer: HttpResponse = super().user_change_password(request, id, form_url)
            if request.method == "POST" and answer.status_code == HTTPStatus.FOUND:
                rights.record_password(user=User.objects.get(pk=id), actor=acting(request), at=timezone.now())
        return answer

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Decision records name people: deactivate them instead."""
        del request, obj
        return False


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Not subscriptable at run time.
    permissions = forms.MultipleChoiceField(choices=KeyPermission.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ApiKey
        fields = ("scope", "name", "permissions", "expires_at")

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError("This has passed already.")
        return expires_at


@admin.register(ApiKey)
class ApiKeyAdmin(OperatedAdmin):
    form = ApiKeyForm
    list_display = ("prefix", "name", "scope", "state", "last_used_at", "expires_at", "created_by")
    list_filter = ("scope__kind",)
    list_select_related = ("scope", "created_by")
    search_fields = ("prefix", "name", "scope__path")
    ordering = ("-created_at",)
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        del request
        if obj is None:
            return ("scope", "name", "permissions", "expires_at")
        return (
            "prefix", "scope", "name", "permissions", "state",
            "created_at", "created_by", "expires_at", "revoked_at", "last_used_at",
        )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A key's scope and permissions never change: revoke it and create another."""
        del request, obj
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("governance.change_apikey")

    @admin.display
    def state(self, key: ApiKey) -> str:
        return key.state_at(timezone.now())

    def save_model(self, request: HttpRequest, obj: ApiKey, form: forms.ModelForm[ApiKey], change: bool) -> None:  # noqa: FBT001  # Django's signature
        del change
        key, plaintext = operations.create_api_key(actor=acting(request), at=timezone.now(), **form.cleaned_data)
        obj.pk, obj.prefix = key.pk, key.prefix
        messages.warning(request, f"This key is shown once; keep it where secrets are kept: {plaintext}")

    @action(description="Revoke", permissions=["revoke"])  # type: ignore[untyped-decorator]  # Unfold has no types.
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            try:
                operations.revoke_api_key(key_id=key.pk, actor=acting(request), at=timezone.now())
            except DomainError as refused:
                messages.error(request, refused.detail)
            else:
                messages.success(request, f"The key {key.prefix} is revoked.")
