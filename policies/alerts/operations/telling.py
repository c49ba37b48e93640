"""Messages about alerts, put into the outbox, and the events that say who was told."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from governance.errors import DomainError
from governance.messages.channels import Message
from governance.messages.operations import Outgoing, queue_messages
from governance.messages.queries import Destination, destinations_of
from governance.work.operations import copy_values, send
from policies.alerts.models import Alert, AlertEvent

logger = logging.getLogger(__name__)
NOTHING_MORE: Mapping[str, Any] = {}
# By address and scope id the destinations, or why there are none.
Places = Mapping[str, Mapping[int, tuple[Destination, ...] | DomainError]]


@dataclass(frozen=True, slots=True)
class Told:
    """A message about a stored alert to addresses as guardrails write them; its ``event_id`` is the delivery's key.
    ``limits`` names the steps whose limits it tells of.
    """

    alert_id: int
    scope_id: int
    step: str
    to: tuple[str, ...]
    message: Message
    trigger: str
    limits: tuple[str, ...] = ()


class Happened(NamedTuple):
    """An event of a stored alert, with an AlertEvent.Kind."""

    alert_id: int
    kind: str
    step: str = ""
    detail: str = ""
    evidence: Mapping[str, Any] = NOTHING_MORE


def add_events(events: Iterable[Happened], *, at: datetime) -> None:
    """Add them in their order, with one statement."""
    copy_values(AlertEvent, ("alert", "kind", "step", "detail", "evidence"), events, same={"at": at})


@dataclass(frozen=True, slots=True)
class Addressed:
    """Messages with where they go: what to queue, and an event for each, not yet stored, that says who was notified. An
    address that leads nowhere is named in the event and fails nothing.
    """

    outgoing: Sequence[Outgoing]
    events: Sequence[Happened]


def addressed(messages: Sequence[Told], places: Places | None = None) -> Addressed:
    """With where their addresses lead: ``places``, or the database is asked."""
    events: list[Happened] = []
    outgoing: list[Outgoing] = []
    known = (
        places_of((address, told.scope_id) for told in messages for address in told.to) if places is None else places
    )
    for told in messages:
        problems = []
        for address in dict.fromkeys(told.to):
            resolved = known[address][told.scope_id]
            if isinstance(resolved, DomainError):
                problems.append(f"{address}: {resolved.detail}")
                continue
            outgoing += [Outgoing(destination, told.message.event_id, told.message) for destination in resolved]
        events.append(
            Happened(
                alert_id=told.alert_id,
                kind=AlertEvent.Kind.NOTIFIED,
                step=told.step,
                detail="; ".join(problems),
                evidence={
                    "to": list(told.to),
                    "key": told.message.event_id,
                    "trigger": told.trigger,
                    "limits": list(told.limits),
                },
            )
        )
    return Addressed(outgoing, events)


def tell(told: Addressed, *, at: datetime) -> Sequence[Happened]:
    """Queues the messages, inside the caller's transaction, and returns their events."""
    if told.events:
        queue_messages(told.outgoing, at=at)
        alert_ids = {event.alert_id for event in told.events}
        not_yet = Alert.objects.filter(pk__in=alert_ids).exclude(last_notified_at=at)
        send(partial(not_yet.update, last_notified_at=at))
    return told.events


def places_of(addresses: Iterable[tuple[str, int]]) -> Places:
    """Where these addresses of scopes, by id, lead."""
    scope_ids: dict[str, set[int]] = defaultdict(set)
    for address, scope_id in addresses:
        scope_ids[address].add(scope_id)
    places = {address: destinations_of(address, sorted(ids)) for address, ids in scope_ids.items()}
    for address, by_scope in places.items():
        for problem in by_scope.values():
            if isinstance(problem, DomainError):
                logger.warning("a guardrail cannot notify %s: %s", address, problem.detail)
    return places
