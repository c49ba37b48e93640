"""Where messages for a scope are sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from governance.errors import NotFound
from governance.messages.models import Channel, ChannelKind
from governance.people.models import Ownership
from governance.scopes.engine import nearest
from governance.scopes.queries import scope_tree

OWNERS_CHANNEL = "owners"
Lineages = Mapping[int, Sequence[int]]
"""Scopes, each with itself and what is above it."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel, and for email the one person it writes to."""

    channel: Channel
    to: str = ""


def destinations(address: str, scope_id: int) -> tuple[Destination, ...]:
    """Where `address` leads for a scope: the channel of the nearest scope at or above it, so never one of another
    organisation. NotFound (`scope_unknown`, `address_leads_nowhere`).
    """
    found = destinations_of(address, [scope_id])[scope_id]
    if isinstance(found, NotFound):
        raise found
    return found


def destinations_of(address: str, scope_ids: Collection[int]) -> dict[int, tuple[Destination, ...] | NotFound]:
    """As `destinations`, for many scopes in a few queries; with what it would raise."""
    tree = scope_tree()
    lineages = {scope_id: tree.ancestors(scope_id) for scope_id in scope_ids if scope_id in tree.by_id}
    reached = _owner_destinations(lineages) if address == "owner" else _channel_destinations(lineages, address)
    found: dict[int, tuple[Destination, ...] | NotFound] = {}
    for scope_id in scope_ids:
        if scope_id not in lineages:
            found[scope_id] = NotFound("There is no such scope.", code="scope_unknown")
        else:
            found[scope_id] = reached[scope_id] or NotFound(
                f"{address!r} leads to nobody for {tree.by_id[scope_id].path}.", code="address_leads_nowhere"
            )
    return found


def owner_emails(scope_id: int) -> tuple[str, ...]:
    """The addresses of the active owners of the nearest scope at or above that has any, sorted."""
    lineage = scope_tree().ancestors(scope_id)
    return tuple(sorted(nearest(lineage, _emails_by_scope(lineage)) or ()))


def _emails_by_scope(scope_ids: Collection[int]) -> dict[int, set[str]]:
    emails: dict[int, set[str]] = {}
    owned = Ownership.objects.filter(scope_id__in=scope_ids)
    for scope, email in owned.filter(user__is_active=True).values_list("scope_id", "user__email"):
        emails.setdefault(scope, set()).add(email)
    for scope, email in owned.filter(group__user__is_active=True).values_list("scope_id", "group__user__email"):
        emails.setdefault(scope, set()).add(email)
    return emails


def _owner_destinations(lineages: Lineages) -> dict[int, tuple[Destination, ...]]:
    above = {scope_id for lineage in lineages.values() for scope_id in lineage}
    emails = _emails_by_scope(above)
    of_owners = Channel.objects.filter(scope_id__in=above, kind=ChannelKind.EMAIL, name=OWNERS_CHANNEL)
    channels = {channel.scope_id: channel for channel in of_owners}
    return {
        scope_id: tuple(
            Destination(channels[lineage[-1]], email)
            for email in sorted(nearest(lineage, emails) or ())
            if lineage[-1] in channels
        )
        for scope_id, lineage in lineages.items()
    }


def _channel_destinations(lineages: Lineages, address: str) -> dict[int, tuple[Destination, ...]]:
    kind, _, name = address.partition(":")
    above = {scope_id for lineage in lineages.values() for scope_id in lineage}
    named = Channel.objects.filter(scope_id__in=above, kind=kind, name=name, is_enabled=True)
    channels = {channel.scope_id: channel for channel in named}
    return {scope_id: _of_channel(nearest(lineage, channels)) for scope_id, lineage in lineages.items()}


def _of_channel(channel: Channel | None) -> tuple[Destination, ...]:
    if channel is None:
        return ()
    if channel.kind != ChannelKind.EMAIL:
        return (Destination(channel),)
    return tuple(Destination(channel, email) for email in channel.to)
