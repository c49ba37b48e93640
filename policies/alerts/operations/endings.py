"""Whoever was told of a limit is told that it has ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from governance.messages.channels import Message
from policies.alerts.models import AlertEvent
from policies.alerts.operations.telling import Happened, Told, addressed, tell

RELEASED, RESOLVED = "released", "resolved"


@dataclass(frozen=True, slots=True)
class Ending:
    """Limits of one stored alert that have ended, or the alert itself (``is_over``). ``lifted`` says in a sentence each
    what is limited no more, ``steps`` names the steps that limited it, ``figures`` is what was measured, ``still`` what
    holds on.
    """

    alert_id: int
    guardrail: str
    scope_id: int
    scope_path: str
    key: str
    reason: str
    is_over: bool
    steps: tuple[str, ...] = ()
    lifted: tuple[str, ...] = ()
    figures: str = ""
    still: str = ""


def tell_endings(endings: Sequence[Ending], *, at: datetime) -> Sequence[Happened]:
    """Queue one message for each ending whose limits somebody was told of; returns the events, not yet stored."""
    return tell(addressed(told_of_endings(endings)), at=at)


def told_of_endings(endings: Sequence[Ending]) -> list[Told]:
    """A message for each ending whose limits somebody was told of, which the database is asked for."""
    if not endings:
        return []
    told = _told_of_limits({ending.alert_id for ending in endings})
    return [
        Told(
            alert_id=ending.alert_id,
            scope_id=ending.scope_id,
            step=ending.steps[0] if ending.steps else "",
            to=told[ending.alert_id],
            message=_message(ending),
            trigger=RESOLVED if ending.is_over else RELEASED,
        )
        for ending in endings
        if told.get(ending.alert_id)
    ]


def _told_of_limits(alert_ids: set[int]) -> dict[int, tuple[str, ...]]:
    """The addresses that were told of a limit of each alert."""
    addresses: dict[int, dict[str, None]] = defaultdict(dict)
    notified = AlertEvent.objects.filter(alert_id__in=alert_ids, kind=AlertEvent.Kind.NOTIFIED).order_by("id")
    for alert_id, evidence in notified.values_list("alert_id", "evidence"):
        if evidence.get("limits"):
            addresses[alert_id] |= dict.fromkeys(evidence["to"])
    return {alert_id: tuple(known) for alert_id, known in addresses.items()}


def _message(ending: Ending) -> Message:
    steps = ", ".join(ending.steps)
    what = "resolved" if ending.is_over else f"{steps} released"
    lifted = " ".join(ending.lifted) or f"What {ending.guardrail} told of is over."
    return Message(
        title=f"{ending.guardrail}: {what} on {ending.scope_path}",
        text=" ".join(part for part in (ending.figures, lifted, ending.still) if part),
        event_id=ending.key,
        event_type="guardrail.resolved" if ending.is_over else "guardrail.released",
        severity="info",
        fields=(("Scope", ending.scope_path), *((("Step", steps),) if steps else ()), ("Why", ending.reason)),
        link=f"/admin/policies/alert/{ending.alert_id}/change/",
        data={
            "guardrail": ending.guardrail,
            "scope": ending.scope_path,
            "steps": list(ending.steps),
            "alert": ending.alert_id,
            "trigger": RESOLVED if ending.is_over else RELEASED,
            "figures": ending.figures,
            "reason": ending.reason,
        },
    )
