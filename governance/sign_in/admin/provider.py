"""Signing in by an identity provider: OpenID Connect's code flow, with PKCE."""

from __future__ import annotations

import hmac
import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core import signing
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from governance.errors import DomainError
from governance.people.models import User
from governance.sign_in.engine.providers import Arrival, IdentityProvider, arrival_of
from governance.sign_in.engine.tokens import Expected, KeyUnknown, TokenRefused, claims_of
from governance.sign_in.gateways import ProviderFailed, description_of, in_time, keys_of, token_for
from governance.sign_in.models import ProviderIdentity
from governance.sign_in.operations.provider_people import admit

log = logging.getLogger(__name__)

COOKIE = "weir_provider"
SALT = "weir.provider"
WITHIN_S = 600
METHOD = "provider"
# In the session: the provider has asked for a second factor.
VOUCHED = "weir_vouched"
AGAIN = "Your sign-in could not be finished. Begin it again."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser was sent to the provider with, in a signed cookie of its own until it comes back."""

    state: str
    nonce: str
    verifier: str
    redirect_to: str
    # Who is signed in already, and shows anew who they are.
    user: int | None
    at: float


class Unfinished(Exception):
    """The sentence for the person; the reason, for the log, says more."""

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(reason)
        self.sentence = sentence


def provider_here() -> IdentityProvider:
    """Http404 without one."""
    provider: IdentityProvider | None = settings.IDENTITY_PROVIDER
    if provider is None:
        raise Http404
    return provider


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Sends the browser to the provider."""
    return _to_provider(request, user=None)


@never_cache
@require_GET
def begin_again(request: HttpRequest) -> HttpResponse:
    """The same for whoever is signed in and must show anew who they are."""
    if not isinstance(request.user, User):
        return redirect("admin:login")
    return _to_provider(request, user=request.user.pk)


def _to_provider(request: HttpRequest, *, user: int | None) -> HttpResponse:
    provider = provider_here()
    try:
        description = in_time(lambda: description_of(provider.issuer))
    except ProviderFailed as failed:
        return _refused(request, Unfinished(f"{provider.name} does not answer. Try again later.", str(failed)))
    redirect_to = request.GET.get(REDIRECT_FIELD_NAME, "")
    if not url_has_allowed_host_and_scheme(redirect_to, allowed_hosts=None):
        redirect_to = reverse("admin:index")
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    asked = Asked(state, nonce, verifier, redirect_to, user, timezone.now().timestamp())
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": _come_back_address(),
        "scope": " ".join(provider.scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    } | ({} if user is None else {"prompt": "login", "max_age": "0"})
    joint = "&" if "?" in description.authorization_endpoint else "?"
    answer = HttpResponseRedirect(f"{description.authorization_endpoint}{joint}{urlencode(query)}")
    answer.set_cookie(
        cookie_name(), signing.dumps(asdict(asked), salt=SALT), max_age=WITHIN_S, path=reverse("provider_begin"),
        secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax",
    )  # fmt: skip
    return answer


@never_cache
@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    """Whoever the provider vouches for is signed in, once for each time that they were sent there."""
    provider, at = provider_here(), timezone.now()
    try:
        asked = _asked(request)
        arrival = _arrival(request, provider, asked, at)
        answer = (
            _shown_anew(request, asked, arrival) if asked.user else _signed_in(request, provider, asked, arrival, at)
        )
    except Unfinished as unfinished:
        answer = _refused(request, unfinished)
    answer.delete_cookie(cookie_name(), path=reverse("provider_begin"), samesite="Lax")
    return answer


def _asked(request: HttpRequest) -> Asked:
    """What this browser was sent with: another's answer is not taken, nor the same one twice."""
    try:
        asked = Asked(**signing.loads(request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=WITHIN_S))
    except signing.BadSignature:
        raise Unfinished(AGAIN, "the browser was not sent there, or long ago") from None
    if not hmac.compare_digest(request.GET.get("state", "").encode(), asked.state.encode()):
        raise Unfinished(AGAIN, "it answers another question (state)")
    if not cache.add(f"weir.provider.{asked.state}", 1, timeout=2 * WITHIN_S):
        raise Unfinished(AGAIN, "it was answered before (state)")
    return asked


def _arrival(request: HttpRequest, provider: IdentityProvider, asked: Asked, at: datetime) -> Arrival:
    name, answered = provider.name, request.GET.dict()
    try:
        return arrival_of(in_time(lambda: _claims(answered, provider, asked, at)), provider)
    except ProviderFailed as failed:
        sentence = AGAIN if failed.refuses else f"{name} does not answer. Try again later."
        raise Unfinished(sentence, str(failed)) from None
    except TokenRefused as refused:
        raise Unfinished(f"What {name} said of you proves nothing here.", str(refused)) from None
    except ValueError as problem:
        sentence = f"{name} does not say enough of you; whoever runs Weir finds why in its log."
        raise Unfinished(sentence, str(problem)) from None


def _claims(answered: Mapping[str, str], provider: IdentityProvider, asked: Asked, at: datetime) -> Mapping[str, Any]:
    """What the provider vouches for, in answer to the question that this browser was sent with."""
    description = description_of(provider.issuer)
    stated = answered.get("iss")
    if stated != provider.issuer and (stated is not None or description.states_issuer):
        raise Unfinished(AGAIN, "another provider answers (iss)")
    if "error" in answered:
        raise Unfinished(f"{provider.name} did not sign you in.", f"it answered {answered['error'][:60]!r}")
    code = answered.get("code", "")
    token = token_for(provider, code=code, verifier=asked.verifier, redirect_uri=_come_back_address())
    expected = Expected(provider.issuer, provider.client_id, asked.nonce)
    if asked.user:
        expected = replace(expected, fresh_since=datetime.fromtimestamp(asked.at, UTC))
    try:
        return claims_of(token, keys=keys_of(provider.issuer), expected=expected, at=at)
    except KeyUnknown:
        return claims_of(token, keys=keys_of(provider.issuer, anew=True), expected=expected, at=at)


def _signed_in(
    request: HttpRequest, provider: IdentityProvider, asked: Asked, arrival: Arrival, at: datetime
) -> HttpResponse:
    """By the same steps as after a password; a second factor of ours is asked for unless theirs was."""
    try:
        user = admit(arrival, provider, at=at)
    except DomainError as refused:
        raise Unfinished(refused.detail, f"{arrival.subject}: {refused.code}") from None
    login = Login(user=user, redirect_url=asked.redirect_to, state={VOUCHED: arrival.has_second_factor})
    kind = "provider with second factor" if arrival.has_second_factor else METHOD
    record_authentication(request, user, method=METHOD, type=kind)
    answer: HttpResponse = perform_login(request, login)
    if arrival.has_second_factor and request.user.is_authenticated:
        request.session[VOUCHED] = True
    return answer


def _shown_anew(request: HttpRequest, asked: Asked, arrival: Arrival) -> HttpResponse:
    """Whoever was signed in has shown to be the same person."""
    user: Any = request.user
    known = ProviderIdentity.objects.filter(issuer=arrival.issuer, subject=arrival.subject, user_id=user.pk)
    if user.pk != asked.user or not known.exists():
        raise Unfinished("That is another person than the one signed in here.", f"{arrival.subject}: another person")
    record_authentication(request, user, method=METHOD, reauthenticated=True)
    return redirect(asked.redirect_to)


def _refused(request: HttpRequest, unfinished: Unfinished) -> HttpResponse:
    log.warning("A sign-in by the identity provider was not finished: %s", unfinished)
    messages.error(request, unfinished.sentence)
    return redirect("admin:login")


def cookie_name() -> str:
    """By TLS browsers take it by TLS only."""
    return f"__Secure-{COOKIE}" if settings.SESSION_COOKIE_SECURE else COOKIE


def _come_back_address() -> str:
    return f"{settings.PUBLIC_URL}{reverse('provider_come_back')}"
