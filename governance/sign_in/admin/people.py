"""People in the admin, with what only who manages them does about their second factors."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import action

from governance.errors import DomainError
from governance.organisations.admin.people import UserAdmin
from governance.pages.admin.base import acting
from governance.people.models import User
from governance.sign_in.models import ProviderIdentity
from governance.sign_in.operations.second_factors import take_factors_away

admin.site.unregister(User)


@admin.register(User)
class PeopleAdmin(UserAdmin):
    actions = ("take_factors_away",)
    fieldsets = (
        *UserAdmin.fieldsets[:-1],
        ("Seen", {"fields": ("last_login", "date_joined", "signs_in_by")}),
    )
    readonly_fields: ClassVar[tuple[str, ...]] = (*UserAdmin.readonly_fields, "signs_in_by")

    @admin.display(description="identity provider")
    def signs_in_by(self, user: User) -> str:
        """Who the person is there; connected by command only."""
        return "; ".join(str(one) for one in ProviderIdentity.objects.filter(user=user)) or "—"

    @action(description="Take lost second factors away", permissions=["change"])  # type: ignore[untyped-decorator]  # Unfold has no types.
    def take_factors_away(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            try:
                count = take_factors_away(user=user, actor=acting(request), at=timezone.now())
            except DomainError as refused:
                messages.error(request, refused.detail)
            else:
                messages.success(request, f"{user} has no second factor any more; {count} were taken away.")
