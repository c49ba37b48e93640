"""Values read from the database and kept in memory, and how stale they may be."""

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
    """One value, valid for one version and built again for another. Thread-safe; one thread builds at a time.

    How stale an answer is depends on the call: `of` answers for the version it is given and is never stale; `within` is
    stale by no more than the age it is given; `last_known` without bound. A version is never used again with another
    meaning (it is random, or counts what is only ever added): otherwise a value built before a rollback could be
    returned. What `within` shows to others must be committed: `of(…, keep=False)` builds the version of an open
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
        `time.monotonic`; default now. Raises what `build` raises, and then keeps the value it held.
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
        """The value that was current less than `max_age_s` seconds ago; None when there is none."""
        held = self._held
        return held.value if held is not None and time.monotonic() - held.read_at < max_age_s else None

    def last_known(self) -> ValueT | None:
        """The value held, however old; None before the first."""
        held = self._held
        return held.value if held is not None else None

    def forget(self) -> None:
        """For tests that replace the database."""
        self._held = None
