"""Whose request is next: parties take turns, so that one that asks much waits behind itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from config.front.limits import AT_ONCE_MAX, PARTY_AT_ONCE_MAX, STRANGER_AT_ONCE_MAX, WAITING_MAX

T = TypeVar("T")
# The party of everybody who tries a password: to check one keeps a processor busy for half a second, by design.
SIGNING_IN = "signing in"


class FairQueue(Generic[T]):
    """First in, first out for each party; parties one after the other."""

    def __init__(self) -> None:
        self._of: dict[Hashable, deque[T]] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def length_of(self, party: Hashable) -> int:
        """How many of the party wait."""
        return len(self._of.get(party, ()))

    def parties(self) -> list[Hashable]:
        """Those that wait; the one whose turn is next, first."""
        return list(self._of)

    def heads(self) -> list[T]:
        """What waits longest of each party."""
        return [items[0] for items in self._of.values()]

    def put(self, party: Hashable, item: T) -> None:
        """Behind what waits of the party."""
        self._of.setdefault(party, deque()).append(item)
        self._length += 1

    def pop(self) -> T:
        """Of the party whose turn it is; it is the last then."""
        return self.pop_of(next(iter(self._of)))

    def pop_of(self, party: Hashable) -> T:
        """Of this party; it is the last then."""
        items = self._of.pop(party)
        item = items.popleft()
        self._length -= 1
        if items:
            self._of[party] = items
        return item


class Turns(Generic[T]):
    """At most AT_ONCE_MAX at once, and of each party its own most. Who has least under way is next."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, int] = {}
        self._count = 0
        self._waiting: FairQueue[T] = FairQueue()

    def begin(self, party: Hashable) -> bool:
        """Whether it may begin at once; it has begun then."""
        if self._count >= AT_ONCE_MAX or self._under_way.get(party, 0) >= _most_of(party):
            return False
        self._count += 1
        self._under_way[party] = self._under_way.get(party, 0) + 1
        return True

    def wait(self, party: Hashable, item: T) -> bool:
        """Whether there is room for one more of the party to wait."""
        if self._waiting.length_of(party) >= WAITING_MAX:
            return False
        self._waiting.put(party, item)
        return True

    def end(self, party: Hashable) -> None:
        """One of the party has ended."""
        self._count -= 1
        left = self._under_way[party] - 1
        if left:
            self._under_way[party] = left
        else:
            del self._under_way[party]

    def next(self) -> T | None:
        """The next that may begin; it has begun then."""
        for party in sorted(self._waiting.parties(), key=lambda one: self._under_way.get(one, 0)):
            if self.begin(party):
                return self._waiting.pop_of(party)
        return None


def _most_of(party: Hashable) -> int:
    """An organisation is a number, a stranger an address."""
    if party == SIGNING_IN:
        return 1
    return PARTY_AT_ONCE_MAX if isinstance(party, int) else STRANGER_AT_ONCE_MAX
