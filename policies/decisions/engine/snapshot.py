"""Everything that decisions read, in memory. One thread writes, others read without a lock: each value that is replaced
is replaced whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from allocation.attribution.engine import Matcher
from governance.scopes.engine import is_at_or_below
from policies.decisions.engine.decisions import HeldConstraint

NOBODY = Matcher()
HEARD_MAX = 1_000


class ScopeLine(NamedTuple):
    """A scope, as decisions need it."""

    id: int
    parent_id: int | None
    path: str
    criticality: str


@dataclass(slots=True)
class KeyLine:
    """An API key, as decisions need it. ``may_ask`` says whether it holds the permission."""

    id: int
    prefix: str
    digest: str
    scope_id: int
    may_ask: bool
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def valid_at(self, at: datetime) -> bool:
        """As `ApiKey.valid_at`."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)


class RuleSetsLine(NamedTuple):
    """The rule sets in force of an organisation: which, and what they match."""

    rule_set_ids: tuple[int, ...]
    matcher: Matcher


@dataclass(slots=True)
class Snapshot:
    """``read_at`` is when its writer last knew that it was whole, in the seconds of `time.monotonic`; None before that.
    ``rule_sets`` and ``received`` (when usage last came) are by the id of the organisation. ``uses`` are keys' ids and
    when each was used, to be written down. ``heard_after`` are the last transactions that told their number after all
    else: it holds what they wrote.
    """

    scopes: dict[int, ScopeLine] = field(default_factory=dict)
    by_path: dict[str, ScopeLine] = field(default_factory=dict)
    keys: dict[int, KeyLine] = field(default_factory=dict)
    by_prefix: dict[str, KeyLine] = field(default_factory=dict)
    constraints: dict[int, HeldConstraint] = field(default_factory=dict)
    by_scope: dict[int, tuple[HeldConstraint, ...]] = field(default_factory=dict)
    rule_sets: dict[int, RuleSetsLine] = field(default_factory=dict)
    received: dict[int, datetime] = field(default_factory=dict)
    evaluated_at: datetime | None = None
    read_at: float | None = None
    uses: deque[tuple[int, datetime]] = field(default_factory=deque)
    heard_after: deque[int] = field(default_factory=lambda: deque(maxlen=HEARD_MAX))

    # --- what decisions read ----------------------------------------------------------------------------------

    def lineage(self, scope: ScopeLine) -> Iterator[ScopeLine]:
        """The scope itself first, then upwards to its organisation."""
        above: ScopeLine | None = scope
        # Counted, because while moves are being written two scopes may seem to lie below each other.
        for _ in range(scope.path.count("/") + 1):
            if above is None:
                return
            yield above
            above = None if above.parent_id is None else self.scopes.get(above.parent_id)

    def in_force(self, scope: ScopeLine, at: datetime) -> list[tuple[str, HeldConstraint]]:
        """Constraints on the scope and above it, each after the path it stands on; the organisation's first."""
        by_scope = self.by_scope
        found = [(above.path, by_scope[above.id]) for above in self.lineage(scope) if above.id in by_scope]
        return [(path, one) for path, held in reversed(found) for one in held if one.expires_at > at]

    def matcher_of(self, root: ScopeLine) -> Matcher:
        """What the organisation's keys and rules match."""
        line = self.rule_sets.get(root.id)
        return NOBODY if line is None else line.matcher

    def is_open(self, scope_id: int, top: ScopeLine) -> bool:
        """Whether the scope is the top or below it."""
        scope = self.scopes.get(scope_id)
        return scope is not None and is_at_or_below(scope.path, top.path)

    # --- what its writer changes ------------------------------------------------------------------------------

    def put_scopes(self, lines: Iterable[ScopeLine]) -> None:
        """New scopes, and those of which something changed."""
        for line in lines:
            before = self.scopes.get(line.id)
            self.scopes[line.id] = self.by_path[line.path] = line
            if before is not None and before.path != line.path:
                self._forget_path(before)

    def drop_scopes(self, ids: Iterable[int]) -> None:
        """Scopes that are gone; unknown ids are passed over."""
        for scope_id in ids:
            line = self.scopes.pop(scope_id, None)
            if line is not None:
                self._forget_path(line)

    def _forget_path(self, line: ScopeLine) -> None:
        """Unless it is another scope's by now: two may have exchanged their paths."""
        if self.by_path.get(line.path) is line:
            del self.by_path[line.path]

    def put_keys(self, lines: Iterable[KeyLine]) -> None:
        """New keys, and those of which something changed; a prefix is never given again."""
        for line in lines:
            self.keys[line.id] = self.by_prefix[line.prefix] = line

    def drop_keys(self, ids: Iterable[int]) -> None:
        """Keys that are gone; unknown ids are passed over."""
        for key_id in ids:
            line = self.keys.pop(key_id, None)
            if line is not None:
                del self.by_prefix[line.prefix]

    def put_constraints(self, lines: Collection[HeldConstraint]) -> None:
        """Constraints that are active now, new or changed."""
        touched = {old.scope_id for line in lines if (old := self.constraints.get(line.id)) is not None}
        self.constraints.update((line.id, line) for line in lines)
        self._hold(lines, touched | {line.scope_id for line in lines})

    def drop_constraints(self, ids: Iterable[int]) -> None:
        """Constraints that are active no longer; unknown ids are passed over."""
        gone = [line for number in ids if (line := self.constraints.pop(number, None)) is not None]
        self._hold((), {line.scope_id for line in gone})

    def _hold(self, lines: Iterable[HeldConstraint], scope_ids: Collection[int]) -> None:
        """Write anew what stands on the scopes, in the order of the constraints' ids."""
        held: dict[int, dict[int, HeldConstraint]] = {scope_id: {} for scope_id in scope_ids}
        for scope_id in scope_ids:
            for known in self.by_scope.get(scope_id, ()):
                current = self.constraints.get(known.id)
                if current is not None and current.scope_id == scope_id:
                    held[scope_id][current.id] = current
        for line in lines:
            held[line.scope_id][line.id] = line
        for scope_id, by_id in held.items():
            if by_id:
                self.by_scope[scope_id] = tuple(by_id[number] for number in sorted(by_id))
            else:
                self.by_scope.pop(scope_id, None)
