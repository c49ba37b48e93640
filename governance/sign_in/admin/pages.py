"""The page where people sign in."""

from __future__ import annotations

from math import ceil
from typing import Any
from urllib.parse import urlencode

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from unfold.forms import AuthenticationForm

from governance.sign_in.admin.browsers import lane_of
from governance.sign_in.admin.passwords import NONE, may_use_password
from governance.sign_in.operations import TooMany, account_of, begin_try, note_failure, note_success

MINUTE_S = 60


class SignInForm(AuthenticationForm):  # type: ignore[misc]  # Unfold has no types.
    """After several wrong passwords of an account, none of it is looked at for a while, the right one neither."""

    def clean(self) -> dict[str, Any]:
        if settings.PASSWORDS == NONE:
            # Nothing is looked at, so that nothing is told of a password.
            raise ValidationError(f"Nobody signs in by password: sign in with {_provider_name()}.")
        account, at = account_of(str(self.cleaned_data.get("username", ""))), timezone.now()
        tried = begin_try(account=account, lane=lane_of(self.request, account), at=at)
        if isinstance(tried, TooMany):
            wait_s = max((tried.again_at - at).total_seconds(), 1)
            wait = f"{ceil(wait_s / MINUTE_S)} minutes" if wait_s > MINUTE_S else f"{ceil(wait_s)} seconds"
            raise ValidationError(f"Too many passwords of this account were wrong. Try again in {wait}.")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            note_failure(tried, at=at)
            raise
        note_success(tried)
        if not may_use_password(self.get_user()):
            raise ValidationError(f"Passwords are for superusers only: sign in with {_provider_name()}.")
        return cleaned


class SignInPage(LoginView):
    """A right password begins allauth's steps: a second factor, where there is one, before the session."""

    authentication_form = SignInForm
    template_name = "admin/sign_in.html"

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        login = Login(user=user, redirect_url=self.get_success_url())
        answer: HttpResponse = perform_password_login(self.request, {"email": user.email}, login)
        return answer


@never_cache
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """The only way in for people: the admin's own page of that name is this one."""
    if request.method == "GET" and admin.site.has_permission(request):
        return redirect("admin:index")
    context = {
        **admin.site.each_context(request), "title": "Sign in", "subtitle": None, "app_path": request.get_full_path(),
        "username": request.user.get_username(), "passwords": settings.PASSWORDS,
    }  # fmt: skip
    if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
        context[REDIRECT_FIELD_NAME] = reverse("admin:index")
    if settings.IDENTITY_PROVIDER is not None:
        context |= {"provider_name": _provider_name(), "provider_address": _provider_address(request)}
    return SignInPage.as_view(extra_context=context)(request)


def _provider_name() -> str:
    """None is said without one."""
    return "" if settings.IDENTITY_PROVIDER is None else settings.IDENTITY_PROVIDER.name


def _provider_address(request: HttpRequest) -> str:
    begin, afterwards = reverse("provider_begin"), request.GET.get(REDIRECT_FIELD_NAME)
    return f"{begin}?{urlencode({REDIRECT_FIELD_NAME: afterwards})}" if afterwards else begin


admin.site.login = sign_in  # type: ignore[method-assign, assignment]  # No other address leads past the second factor.
