"""A message, and what became of sending it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """What Slack shows below a message that asks for a decision: a line to write in, one for a part of the amount, and
    buttons. `value` comes back with each press; `amount` is all that is asked for, in words.
    """

    value: str
    amount: str


@dataclass(frozen=True, slots=True)
class Message:
    """The content, before a channel formats it. `event_id` identifies the event for a webhook's receiver (one event may
    reach several channels); `data` is what a webhook carries; `form` is for Slack alone.
    """

    title: str
    text: str
    event_id: str
    event_type: str
    severity: Severity = "info"
    fields: tuple[tuple[str, str], ...] = ()
    link: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    form: DecisionForm | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored with a delivery."""
        return {
            "title": self.title,
            "text": self.text,
            "event_id": self.event_id,
            "event_type": self.event_type,
            "severity": self.severity,
            "fields": [list(pair) for pair in self.fields],
            "link": self.link,
            "data": dict(self.data),
            # Left out where there is none: a sender of the version before reads the rest.
            **({"form": asdict(self.form)} if self.form is not None else {}),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Message:
        """The inverse of `as_json`."""
        form = DecisionForm(**stored["form"]) if stored.get("form") else None
        return cls(**{**stored, "fields": tuple((name, value) for name, value in stored["fields"]), "form": form})


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message with the id that is sent with it; a repeat carries the same `delivery_id`."""

    delivery_id: str
    message: Message
    occurred_at: datetime
    possible_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver confirmed the message."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not sent now. `retry_after` is what the receiver asked for; `channel_wide`: any message would fail; `ambiguous`:
    the message may have arrived nevertheless.
    """

    reason: str
    retry_after: timedelta | None = None
    channel_wide: bool = False
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Not sent, and sending again would fail again."""

    reason: str


Outcome = Sent | Retry | Refused
