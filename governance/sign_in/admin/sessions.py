"""How long people are signed in, and where: the list in which they, and who manages people, end it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import logout
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action

from governance.errors import DomainError
from governance.pages.admin.base import RecordAdmin, acting
from governance.people.models import User
from governance.sign_in.admin.browsers import address_of
from governance.sign_in.models import SignedIn
from governance.sign_in.operations.sessions import SEEN_RESOLUTION, end_session, longest, longest_idle, note_session

BEGAN = "weir_began_at"
NOTED = "weir_noted"


def is_in(request: HttpRequest) -> bool:
    """Whether somebody is signed in now, who may have been signed out meanwhile."""
    return request.user.is_authenticated


class SignedInPeople:
    """Middleware: signs out whoever has been signed in or done nothing for too long, and keeps the list. Nothing is
    asked of programs, which have no session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User):
            self._look_at(request, request.user)
            answer = self._get_response(request)
            if not is_in(request):
                # Nothing of what was seen stays in the browser for whoever uses it next.
                answer.headers["Clear-Site-Data"] = '"cache"'
            return answer
        return self._get_response(request)

    def _look_at(self, request: HttpRequest, user: User) -> None:
        at = timezone.now()
        # In the session, since Django gives one another key when a password is changed.
        began = request.session.get(BEGAN)
        if began is None:
            request.session[BEGAN] = began = at.isoformat()
        began_at = datetime.fromisoformat(began)
        if at >= min(began_at + longest(user), self._last_use(request, began_at) + longest_idle(user)):
            SignedIn.objects.filter(session_key=request.session.session_key).delete()
            logout(request)
        elif request.session.session_key and not self._is_noted(request, at):
            note_session(
                session_key=request.session.session_key, user=user, began_at=began_at, address=address_of(request),
                user_agent=request.headers.get("User-Agent", ""), at=at,
            )  # fmt: skip
            request.session[NOTED] = [request.session.session_key, at.isoformat()]

    def _last_use(self, request: HttpRequest, began_at: datetime) -> datetime:
        """At the latest: it is noted once a minute."""
        noted = request.session.get(NOTED)
        return (datetime.fromisoformat(noted[1]) if noted else began_at) + SEEN_RESOLUTION

    def _is_noted(self, request: HttpRequest, at: datetime) -> bool:
        """Within the last minute, under the key that the session has now."""
        key, noted_at = request.session.get(NOTED, ["", ""])
        return key == request.session.session_key and at < datetime.fromisoformat(noted_at) + SEEN_RESOLUTION


class Mine(admin.SimpleListFilter):
    """The account menu leads to one's own."""

    title = "whose"
    parameter_name = "mine"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [("1", "Mine")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SignedIn]) -> QuerySet[SignedIn]:
        return queryset.filter(user=acting(request).user) if self.value() == "1" else queryset


@admin.register(SignedIn)
class SignedInAdmin(RecordAdmin):
    list_display = ("where", "user", "began_at", "last_seen_at", "address", "is_here")
    list_display_links = None
    list_filter = (Mine,)
    list_select_related = ("user",)
    search_fields = ("user__email", "address")
    ordering = ("-last_seen_at",)
    fields = ("user", "began_at", "last_seen_at", "address", "user_agent")
    actions = ("end",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignedIn]:
        shown: QuerySet[SignedIn] = super().get_queryset(request).lasting(timezone.now())  # type: ignore[attr-defined]  # the model's own queryset
        return shown.annotate(here=Q(session_key=request.session.session_key))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.is_active and request.user.is_staff

    def has_view_permission(self, request: HttpRequest, obj: SignedIn | None = None) -> bool:
        """Everybody has a list of their own."""
        del obj
        return self.has_module_permission(request)

    @admin.display(description="browser")
    def where(self, signed_in: SignedIn) -> str:
        return browser_of(signed_in.user_agent)

    @admin.display(description="")
    def is_here(self, signed_in: Any) -> str:
        return "this browser" if signed_in.here else ""

    @action(description="End: sign out there", permissions=["view"])  # type: ignore[untyped-decorator]  # Unfold has no types.
    def end(self, request: HttpRequest, queryset: QuerySet[SignedIn]) -> None:
        for signed_in in queryset:
            try:
                end_session(signed_in=signed_in, actor=acting(request), at=timezone.now())
            except DomainError as refused:
                messages.error(request, refused.detail)
            else:
                messages.success(request, f"{signed_in.user} is signed out of {browser_of(signed_in.user_agent)}.")


# As they name themselves; each names those after it as well.
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


def browser_of(user_agent: str) -> str:
    """In words of its owner, as far as it says."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if browser and system else browser or system or user_agent[:60] or "unknown"
