"""Channels: creating, changing, declaring them in documents, and their sealed secrets."""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from governance.documents import Change, FromEnvironment
from governance.errors import Invalid, NotFound
from governance.messages.channels import slack, webhook
from governance.messages.documents import ChannelDocument
from governance.messages.engine.sealing import SealBroken, is_current, mark_of, seal, unseal
from governance.messages.models import Channel, ChannelKind
from governance.messages.queries import OWNERS_CHANNEL
from governance.people.rules import Actor, check_may_change, check_operates
from governance.records.operations import record_decision
from governance.scopes.models import Scope

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChannelSecrets:
    """A channel's URL and signing secret, each empty when it has none; never shown by `repr`."""

    url: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return "ChannelSecrets(…)"


def key_ring() -> list[bytes]:
    """The keys of WEIR_SECRET_KEYS, decoded; the first one seals."""
    return [base64.b64decode(key) for key in settings.WEIR_SECRET_KEYS]


def _identity(channel: Channel) -> str:
    return f"governance.channel:{channel.pk}"


def channel_secrets(channel: Channel) -> ChannelSecrets:
    """The channel's secrets, opened. Raises SealBroken."""
    sealed = bytes(channel.sealed_secrets)
    if not sealed:
        return ChannelSecrets()
    return ChannelSecrets(**json.loads(unseal(sealed, identity=_identity(channel), ring=key_ring())))


def known_secrets(channel: Channel) -> ChannelSecrets:
    """For changing a channel: secrets that do not open count as not set, so that they can be set again."""
    try:
        return channel_secrets(channel)
    except SealBroken:
        logger.warning("the secrets of channel %s do not open", channel.pk)
        return ChannelSecrets()


def _sealed(channel: Channel, secrets: ChannelSecrets) -> bytes:
    if channel.kind == ChannelKind.EMAIL:
        return b""
    content = json.dumps({"url": secrets.url, "secret": secrets.secret}).encode()
    return seal(content, identity=_identity(channel), ring=key_ring())


def endpoint_of(secrets: ChannelSecrets) -> str:
    """The mark of the address, the same for every channel that sends to it; empty for one without an address."""
    return mark_of(secrets.url, ring=key_ring()) if secrets.url else ""


def check_channel(kind: str, name: str, secrets: ChannelSecrets, to: Sequence[str]) -> None:
    """Invalid (`channel_invalid`, `name_reserved`) for a channel that could never deliver."""
    if name == OWNERS_CHANNEL and kind == ChannelKind.EMAIL:
        raise Invalid("The channel email:owners belongs to the organisation itself.", code="name_reserved")
    loopback: bool = settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS
    problem: str | None = None
    match ChannelKind(kind):
        case ChannelKind.SLACK:
            problem = slack.problem_with_url(secrets.url, allow_loopback=loopback) or slack.problem_with_secret(
                secrets.secret
            )
        case ChannelKind.WEBHOOK:
            problem = webhook.problem_with_url(secrets.url, allow_loopback=loopback) or webhook.problem_with_secret(
                secrets.secret
            )
        case ChannelKind.EMAIL:
            problem = None if to else "an email channel needs somebody to write to"
    if problem:
        raise Invalid(f"The {kind} channel cannot be used: {problem}.", code="channel_invalid")


@transaction.atomic
def save_channel(
    *,
    scope: Scope,
    kind: str,
    name: str,
    actor: Actor,
    at: datetime,
    url: str | None = None,
    secret: str | None = None,
    to: Sequence[str] = (),
    is_enabled: bool = True,
    channel: Channel | None = None,
) -> Channel:
    """Creates a channel, or changes `channel`. A `url` or `secret` of None stays as it is.

    Forbidden, Invalid as `check_channel`. A changed secret ends the channel's pause.
    """
    check_may_change(actor, "governance.channel", scope.path)
    known = known_secrets(channel) if channel is not None and channel.kind == kind else ChannelSecrets()
    secrets = ChannelSecrets(known.url if url is None else url, known.secret if secret is None else secret)
    check_channel(kind, name, secrets, to)
    if kind == ChannelKind.SLACK and secrets.secret != known.secret:
        # Whoever knows it can sign a press in the name of everybody who has linked an account.
        check_operates(actor)
    saved = channel or Channel()
    changed = [] if channel is None else _differences(saved, scope, to, known, secrets, is_enabled=is_enabled)
    action = "channel.create" if channel is None else "channel.update"
    saved.scope, saved.kind, saved.name, saved.to, saved.is_enabled = scope, kind, name, list(to), is_enabled
    if secrets != known or channel is None:
        saved.sealed_secrets = _sealed(saved, secrets)
        saved.endpoint = endpoint_of(secrets) if saved.sealed_secrets else ""
        saved.blocked_until, saved.failures_in_a_row = None, 0
    saved.save()
    record_decision(
        actor=actor,
        action=action,
        scope=scope,
        subject=f"channel:{saved}",
        reason="",
        evidence={"changed": changed},
        at=at,
    )
    return saved


def _differences(
    channel: Channel,
    scope: Scope,
    to: Sequence[str],
    known: ChannelSecrets,
    wanted: ChannelSecrets,
    *,
    is_enabled: bool,
) -> list[str]:
    """What changes, in words; never the value of a secret."""
    return [
        *([f"scope: {channel.scope.path} → {scope.path}"] if channel.scope_id != scope.pk else ()),
        *(["url changes"] if known.url != wanted.url else ()),
        *(["secret changes"] if known.secret != wanted.secret else ()),
        *([f"to: {', '.join(channel.to)} → {', '.join(to)}"] if list(channel.to) != list(to) else ()),
        *([f"enabled: {channel.is_enabled} → {is_enabled}"] if channel.is_enabled != is_enabled else ()),
    ]


def _from_environment(reference: FromEnvironment | None, name: str) -> str:
    if reference is None:
        return ""
    value = os.environ.get(reference.env, "").strip()
    if not value:
        raise Invalid(
            f"The channel {name} takes a secret from {reference.env}; set this environment variable.",
            code="secret_missing",
            variable=reference.env,
        )
    return value


def _known_channel(document: ChannelDocument) -> Channel | None:
    return (
        Channel.objects.select_related("scope")
        .filter(scope__path=document.spec.scope, kind=document.spec.type, name=document.metadata.name)
        .first()
    )


def plan_channel(document: ChannelDocument, *, at: datetime, known_paths: Collection[str] = frozenset()) -> Change:
    """What `apply_channel` would do. `known_paths` are scopes declared earlier in the same apply.

    Invalid as `check_channel` or `secret_missing`; NotFound (`scope_unknown`).
    """
    del at
    spec, name = document.spec, document.metadata.name
    wanted = ChannelSecrets(_from_environment(spec.url, name), _from_environment(spec.secret, name))
    check_channel(spec.type, name, wanted, spec.to)
    label = f"{spec.type}:{name}"
    channel = _known_channel(document)
    if channel is None:
        if spec.scope not in known_paths and not Scope.objects.filter(path=spec.scope).exists():
            raise NotFound(
                f"The channel {label} names the scope {spec.scope}, which is not there.", code="scope_unknown"
            )
        return Change("Channel", label, "create")
    differences = _differences(channel, channel.scope, spec.to, known_secrets(channel), wanted, is_enabled=spec.enabled)
    return Change("Channel", label, "update" if differences else "unchanged", tuple(differences))


@transaction.atomic
def apply_channel(document: ChannelDocument, *, actor: Actor, at: datetime) -> Change:
    """Creates or updates the channel as the document says. Raises as `plan_channel` and `save_channel`."""
    change = plan_channel(document, at=at)
    if change.action == "unchanged":
        return change
    spec, name = document.spec, document.metadata.name
    save_channel(
        scope=Scope.objects.get(path=spec.scope),
        kind=spec.type,
        name=name,
        actor=actor,
        at=at,
        url=_from_environment(spec.url, name),
        secret=_from_environment(spec.secret, name),
        to=spec.to,
        is_enabled=spec.enabled,
        channel=_known_channel(document),
    )
    return change


@dataclass(frozen=True, slots=True)
class Rotation:
    """How many secrets were sealed again, how many were current, and the channels whose secrets do not open."""

    resealed: int
    already_current: int
    broken: tuple[str, ...]


@transaction.atomic
def rotate_secrets(*, actor: Actor, at: datetime) -> Rotation:
    """Seals every secret with the ring's first key. Those that do not open are listed and left as they are. Forbidden
    except for operators of the installation.
    """
    check_operates(actor)
    ring = key_ring()
    resealed, current, broken = 0, 0, []
    for channel in Channel.objects.select_for_update().exclude(sealed_secrets=b"").order_by("pk"):
        try:
            secrets = channel_secrets(channel)
        except SealBroken:
            broken.append(str(channel))
            continue
        if is_current(bytes(channel.sealed_secrets), ring):
            current += 1
            continue
        channel.sealed_secrets, channel.endpoint = _sealed(channel, secrets), endpoint_of(secrets)
        channel.save(update_fields=["sealed_secrets", "endpoint"])
        resealed += 1
    if resealed:
        record_decision(
            actor=actor,
            action="secrets.rotate",
            scope=None,
            subject="secrets:channels",
            reason="",
            evidence={"resealed": resealed, "broken": broken},
            at=at,
        )
    return Rotation(resealed, current, tuple(broken))
