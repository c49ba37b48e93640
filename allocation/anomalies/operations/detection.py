"""Detecting anomalies in daily use, one organisation after the other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property

from django.db import transaction

from allocation.anomalies.engine.anomalies import DAYS_JUDGED, Verdict
from allocation.anomalies.engine.expectation import SEASON_DAYS
from allocation.anomalies.engine.scope_verdicts import DailyUse, SeriesKey, Verdicts, judge_scope, launch_mins
from allocation.anomalies.operations.changes import AnomalyChanges, DetectionCounts
from allocation.anomalies.operations.memory import Memory, remembered
from allocation.anomalies.queries import (
    DETECTION_HEARTBEAT,
    daily_use,
    days_with_data,
    organisation_cost,
    thresholds_for,
)
from governance.calendar.engine import DAY, days_from
from governance.scopes.queries import ScopeTree, scope_tree
from governance.work.engine.locks import DETECTION_LOCK
from governance.work.operations import each_apart, hold, tell_faults

NOT_LOOKED_FOR = "anomalies of %s could not be looked for"
SCOPES_AT_ONCE = 200
# Looking back over a year takes as much memory for these as a usual run for all of those.
SCOPES_AT_ONCE_LOOKING_BACK = 20
# Of scopes with known rises, or with a new one: eight weeks beside what was anomalous, and three months of month days.
LONG_HISTORY_DAYS = 2 * SEASON_DAYS
# (organisation, scopes looked at since the last report)
Progress = Callable[[str, int], object]


def detect_anomalies(
    *,
    at: datetime,
    scope_ids: Iterable[int] | None = None,
    since: date | None = None,
    progress: Progress = lambda _organisation, _scopes: None,
) -> DetectionCounts:
    """Judge the last 14 whole days of every scope's own use (or of `scope_ids`), or all days from `since` on; open,
    change and close anomalies. Running it again changes nothing unless usage has arrived since. A fault in one
    organisation is logged when it is new, is named in the counts and by the heartbeat, and stops no other.
    """
    tree, total = scope_tree(), DetectionCounts()
    wanted = None if scope_ids is None else set(scope_ids)
    below = {
        root_id: [scope_id for scope_id in tree.descendants(root_id) if wanted is None or scope_id in wanted]
        for root_id in tree.roots
    }
    looked = each_apart(
        below,
        lambda root_id: _detect_in(tree, root_id, below[root_id], at, since, total, progress),
        named=lambda root_id: tree.by_id[root_id].path,
    )
    is_whole_run = wanted is None and since is None
    tell_faults(DETECTION_HEARTBEAT, looked.faults, at=at, sentence=NOT_LOOKED_FOR, beats=is_whole_run)
    total.failed = tuple(looked.faults)
    return total


def _detect_in(
    tree: ScopeTree,
    root_id: int,
    below: Sequence[int],
    at: datetime,
    since: date | None,
    total: DetectionCounts,
    progress: Progress,
) -> None:
    at_once = SCOPES_AT_ONCE if since is None else SCOPES_AT_ONCE_LOOKING_BACK
    organisation = tree.by_id[root_id].path
    for start in range(0, len(below), at_once):
        chosen = below[start : start + at_once]
        _detect(root_id, chosen, at, since, total)
        progress(organisation, len(chosen))


@transaction.atomic
def _detect(root_id: int, scope_ids: Sequence[int], at: datetime, since: date | None, total: DetectionCounts) -> None:
    hold(DETECTION_LOCK, of=root_id)
    today = at.astimezone(UTC).date()
    first = today - DAY * DAYS_JUDGED if since is None else min(since, today - DAY * DAYS_JUDGED)
    memory = remembered(scope_ids, first=first, since=first - DAY * LONG_HISTORY_DAYS)
    run = _Run(root_id, today, memory)
    plain = [scope_id for scope_id in scope_ids if not memory.rises(scope_id)]
    verdicts = run.judged(plain, history_days=SEASON_DAYS)
    # Only a rise needs the months before it.
    risen = {
        key.scope_id
        for (key, _metric), judged in verdicts.items()
        if any(day.verdict == Verdict.ANOMALOUS for day in judged)
    }
    again = run.judged(
        [scope_id for scope_id in scope_ids if scope_id in risen or memory.rises(scope_id)],
        history_days=LONG_HISTORY_DAYS,
    )
    changes = AnomalyChanges(at, memory)
    for (key, metric), judged in {**verdicts, **again}.items():
        changes.settle(key, metric, judged, run.use)
    total.series += len(run.seen)
    changes.save(total)


@dataclass
class _Run:
    """The judging of some scopes of an organisation; `use` is what was read for the last verdicts of each series."""

    root_id: int
    today: date
    memory: Memory
    use: dict[SeriesKey, DailyUse] = field(default_factory=dict)
    seen: set[SeriesKey] = field(default_factory=set)

    def judged(self, scope_ids: Sequence[int], *, history_days: int) -> Verdicts:
        if not scope_ids:
            return {}
        first = min(self.memory.first_day(scope_id) for scope_id in scope_ids)
        days = days_with_data(self.root_id, first - DAY * history_days, self.today)
        use = daily_use(scope_ids, days)
        self.seen.update(use)
        idle = DailyUse(*(dict.fromkeys(days, Decimal(0)) for _ in range(2)))
        by_scope: dict[int, dict[SeriesKey, DailyUse]] = {}
        for key in {*use, *self.memory.series(scope_ids)}:
            by_scope.setdefault(key.scope_id, {})[key] = use.get(key, idle)
        verdicts: Verdicts = {}
        for scope_id, own in by_scope.items():
            verdicts |= judge_scope(
                own,
                list(days_from(self.memory.first_day(scope_id), self.today)),
                thresholds_for=thresholds_for,
                told=self.memory.rises(scope_id),
                launch_min=lambda: self._launch_min,
            )
            self.use |= own
        return verdicts

    @cached_property
    def _launch_min(self) -> dict[date, Decimal]:
        judged = list(days_from(self.memory.earliest, self.today))
        days = days_with_data(self.root_id, judged[0] - DAY * SEASON_DAYS, self.today)
        return launch_mins(organisation_cost(self.root_id, days), judged)
