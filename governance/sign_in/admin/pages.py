"""The page where people sign in."""

from __future__ import annotations

from math import ceil
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from unfold.forms import AuthenticationForm

from governance.people.models import User
from governance.sign_in.admin.browsers import know_browser, lane_of
from governance.sign_in.operations import TooMany, account_of, begin_try, note_failure, note_success

MINUTE_S = 60


class SignInForm(AuthenticationForm):  # type: ignore[misc]  # Unfold has no types.
    """After several wrong passwords of an account, none of it is looked at for a while, the right one neither."""

    def clean(self) -> dict[str, Any]:
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
        return cleaned


admin.site.login_form = SignInForm


def sign_in(request: HttpRequest) -> HttpResponseBase:
    """The admin's page; a browser that has signed in is known from then on."""
    answer: HttpResponseBase = admin.site.login(request)
    if request.method == "POST" and isinstance(request.user, User):
        know_browser(answer, account_of(request.user.email))
    return answer
