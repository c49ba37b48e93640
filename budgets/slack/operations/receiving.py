"""Taking a press: what Slack has signed becomes a row, once, and is decided soon after."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from urllib.parse import parse_qs

from django.db import transaction

from budgets.slack.engine.values import Named, named_by
from budgets.slack.models import SlackPress
from governance.errors import DomainError
from governance.messages.channels.slack_forms import Pressed, pressed
from governance.messages.engine.sealing import SealBroken, seal
from governance.messages.engine.slack_signatures import is_signed
from governance.messages.models import Channel, ChannelKind
from governance.messages.operations.channels import channel_secrets, key_ring
from governance.work.operations import nudge

ANSWERING_TASK, ANSWERING_QUEUE = "budgets.answer_slack", "presses"

ID_MAX = 32


class NotSigned(DomainError):
    """Nothing that Slack has signed just now for a channel here; one sentence for every reason."""

    code = "not_authenticated"
    status = 401


def receive_press(*, body: bytes, timestamp: str, signature: str, at: datetime) -> None:
    """Keeps what was pressed, to be decided at once by the program that sends messages: Slack waits three seconds for
    an answer, and money may wait longer for its turn. The same signed request again changes nothing. NotSigned.
    """
    text = _text(body)
    press, named = _read(text)
    channel = Channel.objects.filter(pk=named.channel, kind=ChannelKind.SLACK, is_enabled=True).first()
    if channel is None or not is_signed(
        text, timestamp=timestamp, signature=signature, secret=_signing_secret(channel), at=at
    ):
        raise _refused()
    digest = hashlib.sha256(f"{timestamp}:{signature}".encode()).hexdigest()
    with transaction.atomic():
        row = SlackPress(
            digest=digest, channel=channel, request_id=named.request_id, expected_digest=named.digest,
            verb=press.verb, workspace=press.workspace, member=press.member,
            member_name=press.member_name[:100], words=press.words.strip(), amount=press.amount.strip()[:40],
            sealed_reply_url=seal(press.response_url.encode(), identity=reply_identity(digest), ring=key_ring()),
            received_at=at, next_attempt_at=at,
        )  # fmt: skip
        SlackPress.objects.bulk_create([row], ignore_conflicts=True)
        nudge(ANSWERING_TASK, queue=ANSWERING_QUEUE)


def reply_identity(digest: str) -> str:
    """For what the address of an answer is sealed."""
    return f"budgets.slack_press:{digest}"


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise _refused() from None


def _read(body: str) -> tuple[Pressed, Named]:
    """Not believed yet: the channel that it names says by which secret it must be signed."""
    try:
        payload = json.loads(parse_qs(body, max_num_fields=10)["payload"][0])
    except (ValueError, KeyError, RecursionError):
        raise _refused() from None
    press = pressed(payload) if isinstance(payload, dict) else None
    named = named_by(press.value) if press is not None else None
    if press is None or named is None or not _may_be_kept(press):
        raise _refused()
    return press, named


def _may_be_kept(press: Pressed) -> bool:
    """Whether the database takes it as it stands: nothing is cut off of who somebody is."""
    said = (press.workspace, press.member, press.member_name, press.words, press.amount, press.response_url)
    is_text = not any(each == "\0" or "\ud800" <= each <= "\udfff" for text in said for each in text)
    return is_text and 0 < len(press.workspace) <= ID_MAX and 0 < len(press.member) <= ID_MAX


def _signing_secret(channel: Channel) -> str:
    try:
        return channel_secrets(channel).secret
    except SealBroken:
        return ""


def _refused() -> NotSigned:
    return NotSigned("This is not signed by the Slack app of a channel here, or not within five minutes.")
