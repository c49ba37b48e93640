"""The form of the sign-in page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.forms import AuthenticationForm

from governance.organisations.operations.sign_in import GUESSES, WITHIN, note_failed_sign_in


class SignInForm(AuthenticationForm):  # type: ignore[misc]  # Unfold has no types.
    """After several wrong passwords of an account, none of it is looked at for a while, the right one neither."""

    def clean(self) -> dict[str, Any]:
        account, at = str(self.cleaned_data.get("username", "")).strip().lower(), timezone.now()
        if GUESSES.are_too_many(account, at):
            minutes = f"{WITHIN.total_seconds() / 60:.0f} minutes"
            raise ValidationError(f"Too many passwords of this account were wrong. Try again in {minutes}.")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            forwarded_for = self.request.META.get("HTTP_X_FORWARDED_FOR", "") if self.request else ""
            note_failed_sign_in(account=account, forwarded_for=forwarded_for, at=at)
            raise
        GUESSES.succeed(account)
        return cleaned


admin.site.login_form = SignInForm
