"""The states of a request: draft → submitted → questioned ↔ answered → approved | rejected | withdrawn | expired. Of
what was granted in an emergency: emergency → confirmed | disputed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from budgets.plans.errors import WrongStatus

Status = Literal[
    "draft", "submitted", "questioned", "answered", "approved", "rejected", "withdrawn", "expired",
    "emergency", "confirmed", "disputed",
]  # fmt: skip
Verb = Literal["edit", "submit", "ask", "answer", "approve", "reject", "withdraw", "expire", "confirm", "dispute"]

# Somebody may still decide on these.
WAITING: tuple[Status, ...] = ("submitted", "questioned", "answered")
OPEN: tuple[Status, ...] = ("draft", *WAITING)
# Granted, and to be reviewed by a second person.
TO_REVIEW: tuple[Status, ...] = ("emergency",)
REVIEWED: tuple[Status, ...] = ("confirmed", "disputed")
DECIDED: tuple[Status, ...] = ("approved", "rejected", *REVIEWED)
# Money has moved.
GIVEN: tuple[Status, ...] = ("approved", *TO_REVIEW, *REVIEWED)


@dataclass(frozen=True, slots=True)
class Step:
    """From which states a verb leads to which. `in_time`: not once its deadline has passed."""

    sources: tuple[Status, ...]
    target: Status
    in_time: bool = True


STEPS: Mapping[Verb, Step] = {
    "edit": Step(("draft",), "draft"),
    "submit": Step(("draft",), "submitted"),
    # A second question may follow before the first is answered.
    "ask": Step(WAITING, "questioned"),
    "answer": Step(("questioned",), "answered"),
    "approve": Step(WAITING, "approved"),
    "reject": Step(WAITING, "rejected"),
    "withdraw": Step(OPEN, "withdrawn", in_time=False),
    "expire": Step(WAITING, "expired", in_time=False),
    "confirm": Step(TO_REVIEW, "confirmed"),
    "dispute": Step(TO_REVIEW, "disputed"),
}
# What the database lets a status become, each pair once.
TRANSITIONS: tuple[tuple[Status, Status], ...] = tuple(
    dict.fromkeys((source, step.target) for step in STEPS.values() for source in step.sources if source != step.target)
)


def is_late(status: str, decide_by: datetime | None, at: datetime) -> bool:
    """Whether it waits for a decision past its deadline, swept already or not."""
    return status in WAITING and decide_by is not None and decide_by <= at


def after(verb: Verb, status: str, *, decide_by: datetime | None, at: datetime) -> Status:
    """The status that the verb leads to. WrongStatus where it leads nowhere, and for a decision after the deadline."""
    step = STEPS[verb]
    if status not in step.sources:
        raise WrongStatus(f"Cannot {verb} the request: it is {status}, not {' or '.join(step.sources)}.")
    if step.in_time and is_late(status, decide_by, at):
        raise WrongStatus(
            f"Cannot {verb} the request: it has waited past its deadline, {decide_by:%Y-%m-%d %H:%M} UTC. Ask again."
        )
    return step.target
