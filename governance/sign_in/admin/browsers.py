"""Where a request comes from, and how a browser is known again by the account that it signed in to."""

from __future__ import annotations

import secrets
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from governance.sign_in.operations import Lane

COOKIE = "weir_browser"
COOKIE_AGE_S = 180 * 86_400
SALT = "weir.browser"
IPV6_PREFIX = 64


def address_of(request: HttpRequest) -> str:
    """Of whoever asks; of IPv6 the network of 64 bits, which one client has whole. A header is believed only when the
    front or a proxy of ours has written it.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    stated = [one.strip() for one in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",") if one.strip()]
    if not _network(peer):
        # By the front, over a socket: it adds whom it hears from, which is a proxy where one stands before it.
        is_by_proxy = settings.USE_X_FORWARDED_HOST and len(stated) > 1
        peer = stated[-2] if is_by_proxy else stated[-1] if stated else peer
    elif settings.USE_X_FORWARDED_HOST and stated:
        peer = stated[-1]
    return _network(peer) or peer[:45]


def _network(address: str) -> str:
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return str(known) if known.version == 4 else str(ip_network(f"{known}/{IPV6_PREFIX}", strict=False))  # noqa: PLR2004


def lane_of(request: HttpRequest, account: str) -> Lane:
    """The browser, when it signed in to this account before; else the address."""
    address = address_of(request)
    try:
        number, known = signing.loads(request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=COOKIE_AGE_S)
    except (signing.BadSignature, ValueError, TypeError):
        return Lane(f"address {address}", address, is_known=False)
    if not constant_time_compare(known, _sign_of(account)):
        return Lane(f"address {address}", address, is_known=False)
    return Lane(f"browser {number}", address, is_known=True)


def cookie_name() -> str:
    """By TLS browsers take it from this host only."""
    return f"__Host-{COOKIE}" if settings.SESSION_COOKIE_SECURE else COOKIE


def know_browser(response: HttpResponseBase, account: str) -> None:
    """The browser has signed in to the account."""
    response.set_cookie(
        cookie_name(),
        signing.dumps([secrets.token_hex(16), _sign_of(account)], salt=SALT),
        max_age=COOKIE_AGE_S,
        path="/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _sign_of(account: str) -> str:
    """Of the account, without telling it to whoever reads the cookie."""
    return salted_hmac(SALT, account).hexdigest()
