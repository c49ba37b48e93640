"""The anomalies on record that a run of detection takes into account, locked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from allocation.anomalies.engine.scope_verdicts import SeriesKey, ToldRise
from allocation.anomalies.models import Anomaly
from allocation.anomalies.queries import told_rise


@dataclass(slots=True)
class Memory:
    """Anomalies by scope, in the order in which they began. Those judged again are judged as a whole, so that the
    judged days of a scope begin with the first day of such an anomaly; earlier ones are only left out of what is usual.
    """

    first: date
    by_scope: dict[int, list[Anomaly]]
    first_days: dict[int, date] = field(init=False)

    def __post_init__(self) -> None:
        self.first_days = {scope_id: self._first_day(anomalies) for scope_id, anomalies in self.by_scope.items()}

    def _first_day(self, anomalies: Sequence[Anomaly]) -> date:
        first = self.first
        while earlier := [
            anomaly.first_day
            for anomaly in anomalies
            if anomaly.accepted_at is None
            and anomaly.first_day < first
            and (anomaly.last_day >= first or anomaly.status == Anomaly.Status.OPEN)
        ]:
            first = min(earlier)
        return first

    @property
    def earliest(self) -> date:
        """The first of all judged days."""
        return min([self.first, *self.first_days.values()])

    def _judged_again(self, anomalies: Iterable[Anomaly], first: date) -> list[Anomaly]:
        return [anomaly for anomaly in anomalies if anomaly.accepted_at is None and anomaly.last_day >= first]

    def first_day(self, scope_id: int) -> date:
        return self.first_days.get(scope_id, self.first)

    def judged_again(self, key: SeriesKey, metric: str) -> list[Anomaly]:
        anomalies = self.by_scope.get(key.scope_id, [])
        return [
            anomaly
            for anomaly in self._judged_again(anomalies, self.first_day(key.scope_id))
            if (anomaly.provider, anomaly.model, anomaly.metric) == (key.provider, key.model, metric)
        ]

    def rises(self, scope_id: int) -> list[ToldRise]:
        return [told_rise(anomaly) for anomaly in self.by_scope.get(scope_id, [])]

    def series(self, scope_ids: Iterable[int]) -> set[SeriesKey]:
        """The series with an anomaly to judge again, which may have no use any more."""
        return {
            _key(anomaly)
            for scope_id in scope_ids
            for anomaly in self._judged_again(self.by_scope.get(scope_id, []), self.first_day(scope_id))
        }


def remembered(scope_ids: Sequence[int], *, first: date, since: date) -> Memory:
    """The anomalies of the scopes that ended on `since` or later, and the open ones, locked; days from `first` on are
    judged.
    """
    by_scope: dict[int, list[Anomaly]] = {}
    rows = Anomaly.objects.filter(scope_id__in=scope_ids)
    for anomaly in (rows.filter(last_day__gte=since) | rows.open()).select_for_update().order_by("first_day", "pk"):
        by_scope.setdefault(anomaly.scope_id, []).append(anomaly)
    return Memory(first, by_scope)


def _key(anomaly: Anomaly) -> SeriesKey:
    return SeriesKey(anomaly.scope_id, anomaly.provider, anomaly.model)
