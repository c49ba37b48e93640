"""What proposed rules would move of recorded usage, computed over groups of records that are alike in everything that
the rules read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from allocation.attribution.engine import EXPLICIT, UNATTRIBUTED, Matcher, PlainCall
from allocation.coverage.engine.coverage import NOTHING, AttributedShare, UsageTotals, ratio, total


@dataclass(frozen=True, slots=True)
class RecordGroup:
    """Records that are alike, and the scope at which they count now. `named_scope`: their senders named the scope, so
    no rule moves them.
    """

    scope_id: int
    named_scope: bool
    call: PlainCall
    day: date
    used: UsageTotals


@dataclass(frozen=True, slots=True)
class Move:
    """Usage that would leave one scope for another, by their ids."""

    from_id: int
    to_id: int
    used: UsageTotals


@dataclass(frozen=True, slots=True)
class ProposedMoves:
    """`movements` have the highest cost first. `by_label` is all usage by what would place it. `unused` are the labels
    of the keys and rules that would place no record of the period: nothing matches them, or an earlier one always does.
    """

    movements: tuple[Move, ...]
    used: UsageTotals
    moved: UsageTotals
    newly_attributed: UsageTotals
    newly_unattributed: UsageTotals
    before: AttributedShare
    after: AttributedShare
    by_label: dict[str, UsageTotals]
    unused: tuple[str, ...]

    @property
    def moved_ratio(self) -> Decimal | None:
        """Of the period's cost; None without any."""
        return ratio(self.moved.cost, self.used.cost)


def proposed_moves(groups: Iterable[RecordGroup], matcher: Matcher, *, unattributed_id: int) -> ProposedMoves:
    """Where `matcher` would place the groups, against where they count now. The order of the groups does not matter."""
    moved: dict[tuple[int, int], UsageTotals] = {}
    by_label: dict[str, UsageTotals] = {}
    before = after = AttributedShare()
    for group in groups:
        to_id, label = placement_of(group, matcher, unattributed_id)
        by_label[label] = by_label.get(label, NOTHING) + group.used
        before += AttributedShare(group.used, group.used if group.scope_id != unattributed_id else NOTHING)
        after += AttributedShare(group.used, group.used if to_id != unattributed_id else NOTHING)
        if to_id != group.scope_id:
            ends = (group.scope_id, to_id)
            moved[ends] = moved.get(ends, NOTHING) + group.used
    movements = (Move(from_id, to_id, used) for (from_id, to_id), used in moved.items())
    return ProposedMoves(
        movements=tuple(
            sorted(movements, key=lambda move: (-move.used.cost, -move.used.records, move.from_id, move.to_id))
        ),
        used=before.used,
        moved=total(moved.values()),
        newly_attributed=total(used for (from_id, _), used in moved.items() if from_id == unattributed_id),
        newly_unattributed=total(used for (_, to_id), used in moved.items() if to_id == unattributed_id),
        before=before,
        after=after,
        by_label=by_label,
        unused=tuple(name for name in matcher.labels if name not in by_label),
    )


def placement_of(group: RecordGroup, matcher: Matcher, unattributed_id: int) -> tuple[int, str]:
    """The scope's id, and the label of the key or rule that would place the group there."""
    if group.named_scope:
        return group.scope_id, EXPLICIT
    match = matcher.first_match(group.call, group.day)
    return (unattributed_id, UNATTRIBUTED) if match is None else (match.scope_id, match.name)
