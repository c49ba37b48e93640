"""Webhooks signed as Standard Webhooks specifies. The address that is connected to is the one that was checked."""

from __future__ import annotations

import base64
import ipaddress
import json
from datetime import UTC, datetime
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests_hardened.client import HTTPSession
from requests_hardened.config import Config
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from standardwebhooks.webhooks import Webhook

from governance.messages.channels.http import TIMEOUT_S, is_loopback_url, never_left, reason_of, retry_after, url_parts
from governance.messages.channels.message import Envelope, Outcome, Refused, Retry, Sent

SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64


def problem_with_url(url: str, *, allow_loopback: bool) -> str | None:
    """Why messages may not be sent to this URL, or None."""
    if is_loopback_url(url):
        return None if allow_loopback else "a loopback address needs WEIR_ALLOW_LOOPBACK_WEBHOOKS"
    parts = url_parts(url)
    if parts is None or parts.scheme != "https" or not parts.hostname:
        return "a webhook URL starts with https://"
    if parts.username is not None:
        return "a webhook URL holds no user name; sign with the secret"
    return None


def problem_with_secret(secret: str) -> str | None:
    """Why this cannot be a secret of Standard Webhooks, or None."""
    try:
        length = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except ValueError:
        return "a webhook secret is base64, with or without whsec_ before it"
    if not SECRET_BYTES_MIN <= length <= SECRET_BYTES_MAX:
        return f"a webhook secret holds {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes, not {length}"
    return None


def send(envelope: Envelope, *, url: str, secret: str, allow_loopback: bool, at: datetime) -> Outcome:
    """One signed POST; private addresses and redirects are refused."""
    if problem := problem_with_url(url, allow_loopback=allow_loopback):
        return Refused(problem)
    content = body(envelope)
    try:
        with _session(allow_loopback=allow_loopback) as session:
            response = session.post(
                url, data=content.encode(), headers=headers(envelope, content, secret=secret, at=at), stream=True
            )
            status, wait = response.status_code, response.headers.get("Retry-After")
            response.close()
    except (InvalidIPAddress, requests.exceptions.InvalidURL) as refused:
        return Refused(reason_of(refused))
    except requests.exceptions.RequestException as problem_on_the_way:
        may_have_arrived = not isinstance(
            problem_on_the_way, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError
        ) and not never_left(problem_on_the_way)
        return Retry(reason_of(problem_on_the_way), channel_wide=True, ambiguous=may_have_arrived)
    return outcome(status, wait, at=at)


def outcome(status: int, wait: str | None, *, at: datetime) -> Outcome:
    """What the receiver's status means; `wait` is its Retry-After."""
    match status:
        case _ if 200 <= status < 300:  # noqa: PLR2004
            return Sent()
        case 429 | 502 | 503 | 504:
            # A gateway answered; the server behind it may have accepted the message.
            is_of_gateway = status in {502, 504}
            pause = retry_after(wait, at=at)
            return Retry(f"HTTP {status}", retry_after=pause, channel_wide=True, ambiguous=is_of_gateway)
        case 408 | 425:
            return Retry(f"HTTP {status}")
        case _ if status >= 500:  # noqa: PLR2004
            # The receiver failed while handling the message: it may have accepted it.
            return Retry(f"HTTP {status}", retry_after=retry_after(wait, at=at), ambiguous=True)
        case _ if 300 <= status < 400:  # noqa: PLR2004
            return Refused(f"HTTP {status}: redirects are not followed")
        case _:
            return Refused(f"HTTP {status}")


def body(envelope: Envelope) -> str:
    """The JSON that is signed: type, timestamp and data."""
    message = envelope.message
    data: dict[str, Any] = {
        **message.data,
        "event_id": message.event_id,
        "severity": message.severity,
        "title": message.title,
        "text": message.text,
        "link": message.link,
    }
    return json.dumps(
        {"type": message.event_type, "timestamp": envelope.occurred_at.astimezone(UTC).isoformat(), "data": data},
        separators=(",", ":"),
    )


def headers(envelope: Envelope, content: str, *, secret: str, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks for exactly this content, and a mark on a possible repeat."""
    moment = at.astimezone(UTC)
    signed = {
        "content-type": "application/json",
        "webhook-id": envelope.delivery_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(envelope.delivery_id, moment, content),
    }
    return {**signed, "weir-possible-repeat": "true"} if envelope.possible_repeat else signed


class _PublicOnlyAdapter(IPFilterAdapter):
    """The library connects to the address it checked and refuses private ones; this also refuses reserved ones, such as
    ::7f00:1, the IPv4-compatible spelling of 127.0.0.1.
    """

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        host, pool = super().build_connection_pool_key_attributes(*args, **kwargs)
        address = ipaddress.ip_address(host["host"].strip("[]"))
        if not (self._allow_loopback and address.is_loopback) and (
            not address.is_global or address.is_reserved or getattr(address, "is_site_local", False)
        ):
            raise InvalidIPAddress(address)
        return host, pool


def _session(*, allow_loopback: bool) -> requests.Session:
    session = HTTPSession(
        Config(
            ip_filter_enable=True,
            ip_filter_allow_loopback_ips=allow_loopback,
            never_redirect=True,
            default_timeout=(TIMEOUT_S / 2, TIMEOUT_S),
            user_agent_override="weir",
        )
    )
    # A proxy from the environment would resolve the name again, without the check.
    session.trust_env = False
    for scheme, is_https in (("http://", False), ("https://", True)):
        adapter: BaseAdapter = _PublicOnlyAdapter(is_https_proto=is_https, allow_loopback=allow_loopback)
        session.mount(scheme, adapter)
    return session
