"""A web process without the front before it: it answers this machine only, or a proxy that is said to be there.

The front holds bodies until they are whole and bounds how long they take, how many connections there are and how often
one asks (config/front/limits.py). A web process bounds none of these: whoever reaches it holds its threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings

from config.front.parsers import IS_INSTALLED
from policies.decisions.engine.answers import refusal

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

REFUSED = refusal(
    status=403,
    code="front_missing",
    detail="A web process of Weir without its front answers this machine only: ask the address of `weir up`. Behind a"
    " proxy that holds bodies until they are whole, set WEIR_BEHIND_PROXY.",
)


def why_not(host: str) -> str:
    """Why `weir up` listens at the address only with a front, and what to do; "" where nothing is wrong."""
    if IS_INSTALLED or settings.USE_X_FORWARDED_HOST or is_this_machine(host):
        return ""
    return (
        "httptools or uvloop is missing here, so there is no front, and nothing would bound how long bodies take that"
        f" are sent to {host}, how many connections there are or how often one asks. Listen at this machine only"
        " (--host 127.0.0.1), with a proxy before it that holds bodies until they are whole; or where such a proxy"
        " stands on another machine, set WEIR_BEHIND_PROXY=true."
    )


def is_this_machine(address: str) -> bool:
    """Whether only this machine reaches it or asks from it; a name is no address, but for `localhost`."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address == "localhost"
    if isinstance(known, IPv6Address) and known.ipv4_mapped is not None:
        return known.ipv4_mapped.is_loopback
    return known.is_loopback


def only_from_here(application: Application) -> Application:
    """Refuses what came over a network, without reading its body. Over a socket of the machine's own asks the front."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if settings.USE_X_FORWARDED_HOST or not _is_of_a_network(str(environ.get("REMOTE_ADDR", ""))):
            return application(environ, start_response)
        length = ("Content-Length", str(len(REFUSED.body)))
        start_response(f"403 {HTTPStatus.FORBIDDEN.phrase}", [*REFUSED.headers, length, ("Connection", "close")])
        return [REFUSED.body]

    return answer


def _is_of_a_network(peer: str) -> bool:
    try:
        ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    return not is_this_machine(peer)
