"""What proposed rules would move, of usage that is recorded: computed over groups of records that are alike in all that
decides where they belong.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from allocation.attribution.engine import EXPLICIT, UNATTRIBUTED, Matcher, PlainCall
from allocation.coverage.engine.coverage import NOTHING, Coverage, Used, ratio, total


@dataclass(frozen=True, slots=True)
class Group:
    """Alike records and the scope at which they count now. `named_scope`: their senders named it, so rules do not."""

    scope_id: int
    named_scope: bool
    call: PlainCall
    day: date
    used: Used


@dataclass(frozen=True, slots=True)
class Move:
    from_id: int
    to_id: int
    used: Used


@dataclass(frozen=True, slots=True)
class Moves:
    """`movements`: the largest first. `unused` are the keys and rules, by label, that would place no record of the
    period: nothing matches them, or an earlier one always comes first.
    """

    movements: tuple[Move, ...]
    used: Used
    moved: Used
    newly_attributed: Used
    newly_unattributed: Used
    before: Coverage
    after: Coverage
    by_label: dict[str, Used]
    unused: tuple[str, ...]

    @property
    def moved_ratio(self) -> Decimal | None:
        return ratio(self.moved.cost, self.used.cost)


def moves(groups: Iterable[Group], matcher: Matcher, *, unattributed_id: int) -> Moves:
    """The order of the groups does not matter: everything is summed."""
    moved: dict[tuple[int, int], Used] = {}
    by_label: dict[str, Used] = {}
    before = after = Coverage()
    for group in groups:
        to_id, label = placed(group, matcher, unattributed_id)
        by_label[label] = by_label.get(label, NOTHING) + group.used
        before += Coverage(group.used, group.used if group.scope_id != unattributed_id else NOTHING)
        after += Coverage(group.used, group.used if to_id != unattributed_id else NOTHING)
        if to_id != group.scope_id:
            way = (group.scope_id, to_id)
            moved[way] = moved.get(way, NOTHING) + group.used
    movements = (Move(from_id, to_id, used) for (from_id, to_id), used in moved.items())
    return Moves(
        movements=tuple(sorted(movements, key=lambda one: (-one.used.cost, -one.used.records, one.from_id, one.to_id))),
        used=before.used,
        moved=total(moved.values()),
        newly_attributed=total(used for (from_id, _), used in moved.items() if from_id == unattributed_id),
        newly_unattributed=total(used for (_, to_id), used in moved.items() if to_id == unattributed_id),
        before=before,
        after=after,
        by_label=by_label,
        unused=tuple(name for name in matcher.labels if name not in by_label),
    )


def placed(group: Group, matcher: Matcher, unattributed_id: int) -> tuple[int, str]:
    """Scope and the label of what placed it."""
    if group.named_scope:
        return group.scope_id, EXPLICIT
    found = matcher.first_match(group.call, group.day)
    return (unattributed_id, UNATTRIBUTED) if found is None else (found.scope_id, found.name)
