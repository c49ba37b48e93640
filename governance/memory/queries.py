"""What a process keeps of the database, and how stale it may be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

VersionT = TypeVar("VersionT")
ValueT = TypeVar("ValueT")


@dataclass(slots=True)
class _Held(Generic[VersionT, ValueT]):
    version: VersionT
    value: ValueT
    read_at: float


class VersionedMemory(Generic[VersionT, ValueT]):
    """One value, valid for one version and built anew for another. Safe among threads; one of them builds at a time.

    How stale an answer is depends on how it is asked for: `of` answers for the version it is given and is never stale;
    `within` is stale by no more than the age it is given; `last_known` without bound. A version must not come again
    with another meaning (it is random, or counts what is only ever added), so that nobody asks `of` for one that was
    rolled back. What `within` may show to others must be committed: `of(…, keep=False)` builds a version of one's own
    transaction for the caller alone.
    """

    def __init__(self) -> None:
        self._held: _Held[VersionT, ValueT] | None = None
        self._building = threading.Lock()

    def of(
        self,
        version: VersionT,
        build: Callable[[], ValueT],
        *,
        read_at: float | None = None,
        keep: bool = True,
    ) -> ValueT:
        """The value of this version, built unless it is held. `read_at` is when the version was read, in the seconds of
        `time.monotonic`; now unless it is given. What `build` raises is raised, and what was held stays.
        """
        read_at = time.monotonic() if read_at is None else read_at
        held = self._held_at(version, read_at)
        if held is not None:
            return held.value
        if not keep:
            return build()
        with self._building:
            held = self._held_at(version, read_at)
            if held is None:
                held = self._held = _Held(version, build(), read_at)
            return held.value

    def _held_at(self, version: VersionT, read_at: float) -> _Held[VersionT, ValueT] | None:
        held = self._held
        if held is None or held.version != version:
            return None
        held.read_at = max(held.read_at, read_at)
        return held

    def within(self, max_age_s: float) -> ValueT | None:
        """What was current less than `max_age_s` ago; None when that is not known."""
        held = self._held
        return held.value if held is not None and time.monotonic() - held.read_at < max_age_s else None

    def last_known(self) -> ValueT | None:
        """What was asked for last, however long ago; None before anything was."""
        held = self._held
        return held.value if held is not None else None

    def forget(self) -> None:
        """For tests that swap the database underneath."""
        self._held = None
