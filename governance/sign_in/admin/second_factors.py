"""Who must have a second factor reaches nothing else before there is one."""

from __future__ import annotations

from collections.abc import Callable

from allauth.account.admin import EmailAddress
from allauth.mfa.admin import Authenticator
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from governance.people.models import User
from governance.sign_in.admin.provider import VOUCHED
from governance.sign_in.operations.second_factors import lacks_second_factor

# Of allauth's own lists: addresses are kept with people, and secrets are nobody's to read.
admin.site.unregister((EmailAddress, Authenticator))

ACCOUNT = "/account/"
ALWAYS = (ACCOUNT, "/admin/logout/", "/admin/jsi18n/")


class SecondFactorDemanded:
    """Middleware, by WEIR_SECOND_FACTOR. One that the identity provider asked for is one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_asked = settings.SECOND_FACTOR and settings.SESSION_COOKIE_NAME in request.COOKIES
        if not is_asked or request.path.startswith(ALWAYS) or not isinstance(request.user, User):
            return self._get_response(request)
        if not request.session.get(VOUCHED) and lacks_second_factor(request.user):
            if not request.path.startswith("/api/"):
                messages.warning(request, "What you may do here needs a second factor: add one to go on.")
                return redirect("mfa_index")
            # To a program the session is nobody's.
            request.user = AnonymousUser()
        return self._get_response(request)


def account_pages(request: HttpRequest) -> dict[str, object]:
    """Context processor: the pages of one's own account look as the admin's do."""
    return dict(admin.site.each_context(request)) if request.path.startswith(ACCOUNT) else {}
