"""Where messages for a scope are sent."""

from __future__ import annotations

from dataclasses import dataclass

from governance.errors import NotFound
from governance.messages.models import Channel, ChannelKind
from governance.people.models import Ownership
from governance.scopes.engine import nearest
from governance.scopes.queries import ScopeTree, scope_tree

OWNERS_CHANNEL = "owners"


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel, and for email the one person it writes to."""

    channel: Channel
    to: str = ""


def destinations(address: str, scope_id: int) -> tuple[Destination, ...]:
    """Where `address` leads for a scope: the channel of the nearest scope at or above it, so never one of another
    organisation. NotFound (`scope_unknown`, `address_leads_nowhere`).
    """
    tree = scope_tree()
    if scope_id not in tree.by_id:
        raise NotFound("There is no such scope.", code="scope_unknown")
    reached = (
        _owner_destinations(tree, scope_id) if address == "owner" else _channel_destinations(tree, scope_id, address)
    )
    if not reached:
        raise NotFound(f"{address!r} leads to nobody for {tree.by_id[scope_id].path}.", code="address_leads_nowhere")
    return reached


def owner_emails(scope_id: int) -> tuple[str, ...]:
    """The addresses of the active owners of the nearest scope at or above that has any, sorted."""
    lineage = scope_tree().ancestors(scope_id)
    emails: dict[int, set[str]] = {}
    owned = Ownership.objects.filter(scope_id__in=lineage)
    for scope, email in owned.filter(user__is_active=True).values_list("scope_id", "user__email"):
        emails.setdefault(scope, set()).add(email)
    for scope, email in owned.filter(group__user__is_active=True).values_list("scope_id", "group__user__email"):
        emails.setdefault(scope, set()).add(email)
    return tuple(sorted(nearest(lineage, emails) or ()))


def _owner_destinations(tree: ScopeTree, scope_id: int) -> tuple[Destination, ...]:
    root = tree.by_id[scope_id].root_id
    channel = Channel.objects.filter(scope_id=root, kind=ChannelKind.EMAIL, name=OWNERS_CHANNEL).first()
    return tuple(Destination(channel, email) for email in owner_emails(scope_id)) if channel else ()


def _channel_destinations(tree: ScopeTree, scope_id: int, address: str) -> tuple[Destination, ...]:
    kind, _, name = address.partition(":")
    lineage = tree.ancestors(scope_id)
    channels = {
        channel.scope_id: channel
        for channel in Channel.objects.filter(scope_id__in=lineage, kind=kind, name=name, is_enabled=True)
    }
    channel = nearest(lineage, channels)
    if channel is None:
        return ()
    if channel.kind != ChannelKind.EMAIL:
        return (Destination(channel),)
    return tuple(Destination(channel, email) for email in channel.to)
