"""What django-allauth asks of us: who may come in and how that is told, and how second factors are kept."""

from __future__ import annotations

from base64 import b64decode, b64encode
from time import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from governance.people.models import User
from governance.sign_in.admin.browsers import address_of, know_browser
from governance.sign_in.admin.passwords import may_use_password
from governance.sign_in.admin.provider import METHOD, VOUCHED
from governance.sign_in.operations import account_of
from governance.sign_in.operations.second_factors import record_factor, record_sign_in, sealed, unsealed

STAGE = f"{AuthenticateStage.__module__}.{AuthenticateStage.__qualname__}"
METHODS = "account_authentication_methods"
# What allauth would write a letter about.
CHANGES = {
    "mfa/email/totp_activated": "an authenticator app was added",
    "mfa/email/totp_deactivated": "the authenticator app was removed",
    "mfa/email/webauthn_added": "a security key was added",
    "mfa/email/webauthn_removed": "a security key was removed",
    "mfa/email/recovery_codes_generated": "recovery codes were made anew",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types.
    """Nobody makes an account of their own. Who comes in, and what they change of their factors, is recorded; no letter
    is written.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        del request
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def get_login_stages(self) -> list[str]:
        ours = f"{SecondFactorStage.__module__}.{SecondFactorStage.__qualname__}"
        return [ours if stage == STAGE else stage for stage in super().get_login_stages()]

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Who came by the identity provider shows there anew who they are."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if isinstance(user, User) and not may_use_password(user):
            methods = [one for one in methods if one["id"] != "reauthenticate"]
        if not methods and settings.IDENTITY_PROVIDER is not None:
            name = settings.IDENTITY_PROVIDER.name
            methods = [{"id": METHOD, "description": f"Use {name}", "url": reverse("provider_begin_again")}]
        return methods

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        request = context.request
        since = time() - app_settings.REAUTHENTICATION_TIMEOUT
        for one in get_authentication_records(request, request.user):
            if one["method"] == METHOD and one.get("reauthenticated") and one["at"] > since:
                return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Who signs in sees it."""
        if "account/messages/logged_in.txt" not in (*args, *kwargs.values()):
            super().add_message(*args, **kwargs)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        answer: HttpResponse = super().post_login(request, user, **kwargs)
        methods = [str(one.get("type") or one["method"]) for one in request.session.get(METHODS, ())]
        record_sign_in(user=user, address=address_of(request), methods=methods, at=timezone.now())
        know_browser(answer, account_of(user.email))
        return answer

    def send_notification_mail(self, template_prefix: str, user: User, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
        record_factor(user=user, what=CHANGES.get(template_prefix, template_prefix), at=timezone.now())


class SecondFactorStage(AuthenticateStage):  # type: ignore[misc]  # allauth has no types.
    """None of ours is asked for after one of the identity provider's."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        if self.login.state.get(VOUCHED):
            return None, True
        answer: tuple[HttpResponse | None, bool] = super().handle()
        return answer


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types.
    """Secrets are sealed as those of channels are."""

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002  # allauth's signature
        """Until its owner gives it another."""
        return f"Security key {Authenticator.objects.filter(user=user, type=type).count() + 1}"

    def encrypt(self, text: str) -> str:
        return b64encode(sealed(text)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return unsealed(b64decode(encrypted_text))
