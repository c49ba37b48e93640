"""Slack's incoming webhooks with Block Kit. Slack has no idempotency: the delivery's id is part of the message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.error import URLError

from slack_sdk.webhook import WebhookClient

from governance.messages.channels.http import TIMEOUT_S, is_loopback_url, never_left, reason_of, retry_after, url_parts
from governance.messages.channels.message import Envelope, Message, Outcome, Refused, Retry, Sent
from governance.messages.channels.slack_forms import form_blocks

HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
SIGNING_SECRET = re.compile("[0-9a-f]{32}")
MARKS = {"info": ":information_source:", "warning": ":warning:", "critical": ":rotating_light:"}
HEADER_MAX, TEXT_MAX, FIELD_MAX, FIELDS_MAX = 150, 3000, 2000, 10


def problem_with_url(url: str, *, allow_loopback: bool) -> str | None:
    """Why messages may not be sent to this URL, or None. Only Slack's own hosts: such a URL cannot reach into our
    network.
    """
    if is_loopback_url(url):
        return None if allow_loopback else "a loopback address needs WEIR_ALLOW_LOOPBACK_WEBHOOKS"
    parts = url_parts(url)
    if (
        parts
        and parts.scheme == "https"
        and parts.hostname in HOSTS
        and parts.username is None
        and parts.port in {None, 443}
    ):
        return None
    return f"a Slack webhook starts with https://{min(HOSTS)}/"


def problem_with_secret(secret: str) -> str | None:
    """Why this cannot be the signing secret of a Slack app, or None; empty where nothing is decided from Slack."""
    if not secret or SIGNING_SECRET.fullmatch(secret):
        return None
    return "the signing secret of a Slack app is 32 hexadecimal digits (its page, Basic Information)"


def send(envelope: Envelope, *, url: str, allow_loopback: bool, at: datetime, is_interactive: bool = False) -> Outcome:
    """One POST, without retries. Retry or Refused by the status that Slack documents. `is_interactive`: what is pressed
    comes back to us, so that a form is shown.
    """
    built = [*blocks(envelope), *form_blocks(envelope.message)] if is_interactive else blocks(envelope)
    body = {"text": fallback(envelope.message), "blocks": built}
    return post(body, url=url, allow_loopback=allow_loopback, at=at)


def post(
    body: Mapping[str, Any], *, url: str, allow_loopback: bool, at: datetime, timeout_s: int = TIMEOUT_S
) -> Outcome:
    """As `send`, of a body made elsewhere: for a `response_url` too, by which a message is changed for 30 minutes."""
    if problem := problem_with_url(url, allow_loopback=allow_loopback):
        return Refused(problem)
    # No retry handlers: the outbox decides when to try again, so that every repeat is counted.
    client = WebhookClient(url, timeout=timeout_s, retry_handlers=[])
    try:
        response = client.send_dict(dict(body))
    except (OSError, URLError) as problem_on_the_way:
        return Retry(
            reason_of(problem_on_the_way),
            channel_wide=True,
            ambiguous=not never_left(problem_on_the_way),
        )
    answer = f"{response.status_code} {response.body[:200]}"
    match response.status_code:
        case 200:
            return Sent()
        case 408 | 429 | 500 | 502 | 503 | 504:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Retry(
                answer,
                retry_after=retry_after(headers.get("retry-after"), at=at),
                channel_wide=True,
                # A gateway answered; the server behind it may have accepted the message.
                ambiguous=response.status_code in {500, 502, 504},
            )
        case _:
            return Refused(answer)


def escaped(text: str) -> str:
    """The three characters that Slack's markup reserves."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis when cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def fallback(message: Message) -> str:
    """The text of a notification."""
    return escaped(shortened(f"{message.title}: {message.text}", TEXT_MAX // 2))


def blocks(envelope: Envelope) -> list[dict[str, Any]]:
    """The message in Block Kit, within Slack's limits on lengths."""
    message = envelope.message
    # Escaping lengthens a text: it is cut to half of Slack's limit first, enough for all but texts full of "&".
    built: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": shortened(message.title, HEADER_MAX)}},
        _section(f"{MARKS[message.severity]} {shortened(message.text, TEXT_MAX // 2)}"),
    ]
    if message.fields:
        built.append(
            {
                "type": "section",
                "fields": [
                    _markdown(f"*{escaped(name)}*\n{escaped(shortened(value, FIELD_MAX // 4))}")
                    for name, value in message.fields[:FIELDS_MAX]
                ],
            }
        )
    if message.link:
        built.append({"type": "section", "text": _markdown(f"<{message.link}|Open in Weir>")})
    repeat = " · possibly sent before" if envelope.possible_repeat else ""
    built.append({"type": "context", "elements": [_markdown(f"Weir · {envelope.delivery_id}{repeat}")]})
    return built


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _markdown(escaped(text))}


def _markdown(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": shortened(text, TEXT_MAX)}
