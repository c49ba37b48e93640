"""How one step of a ladder moves: idle → pending → firing → idle, by what holds and how long it has.

``starts`` is the gated condition and decides about an idle or pending step; ``holds`` is the bare condition and keeps a
firing one: a scope that is held back must not be released because its traffic fell below a condition's minimum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from policies.guardrails.documents import format_duration
from policies.guardrails.engine.types import Action, Notify, StepState


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a condition must hold before a step fires, and how long the step is kept afterwards."""

    for_: timedelta
    keep_firing_for: timedelta
    min_hold: timedelta


@dataclass(frozen=True, slots=True)
class Moved:
    """A step after one move; ``note`` says why it is kept or waits, ``due_at`` when time alone would move it."""

    state: StepState | None
    note: str = ""
    due_at: datetime | None = None


def moved(
    name: str,
    timing: Timing,
    before: StepState | None,
    *,
    starts: bool,
    holds: bool,
    releases: bool | None,
    at: datetime,
) -> Moved:
    """``releases`` None: the step has no release of its own and ends when its condition does."""
    if before is None or before.fired_at is None:
        return _towards_firing(name, timing, before, starts=starts, at=at)
    if holds:
        return Moved(replace(before, false_since=None) if before.false_since else before)
    return _towards_release(timing, before, before.fired_at, releases=releases, at=at)


def after_gap(state: StepState, gap: timedelta) -> StepState:
    """Time without data does not count: what was being waited for is put off by the gap."""
    if state.fired_at is None:
        return replace(state, since=state.since + gap)
    return replace(state, false_since=state.false_since + gap) if state.false_since else state


def due_repeats(actions: tuple[Action, ...], state: StepState, at: datetime) -> Iterator[Notify]:
    """Notifications of a firing step whose interval has passed since they were last planned."""
    if state.fired_at is None:
        return
    for action in actions:
        if isinstance(action, Notify) and action.repeat_every is not None:
            elapsed, planned = at - state.fired_at, (state.notified_at or state.fired_at) - state.fired_at
            if elapsed // action.repeat_every > planned // action.repeat_every:
                yield action


def next_repeat_at(actions: tuple[Action, ...], state: StepState, at: datetime) -> datetime | None:
    """When a notification of a firing step is repeated next; None when none is."""
    if state.fired_at is None:
        return None
    intervals = [
        action.repeat_every for action in actions if isinstance(action, Notify) and action.repeat_every is not None
    ]
    return min((state.fired_at + ((at - state.fired_at) // every + 1) * every for every in intervals), default=None)


def clock(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}Z"


def _towards_firing(name: str, timing: Timing, before: StepState | None, *, starts: bool, at: datetime) -> Moved:
    if not starts:
        return Moved(None)
    pending = before or StepState(name, since=at)
    due_at = pending.since + timing.for_
    if at < due_at:
        return Moved(pending, f"fires at {clock(due_at)} if it still holds then", due_at)
    return Moved(StepState(pending.name, pending.since, at, pending.false_since, at, pending.told))


def _towards_release(
    timing: Timing, before: StepState, fired_at: datetime, *, releases: bool | None, at: datetime
) -> Moved:
    state = before if before.false_since else replace(before, false_since=at)
    if releases is False:
        return Moved(state, "kept until its release condition holds")
    kept_until = (state.false_since or at) + timing.keep_firing_for
    held_until = fired_at + timing.min_hold
    if at < held_until and held_until >= kept_until:
        return Moved(state, f"kept until {clock(held_until)} (min_hold {format_duration(timing.min_hold)})", held_until)
    if at < kept_until:
        note = f"kept until {clock(kept_until)} (keep_firing_for {format_duration(timing.keep_firing_for)})"
        return Moved(state, note, kept_until)
    return Moved(None)
