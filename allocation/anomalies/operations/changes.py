"""The changes that verdicts make to known anomalies, and the anomalies they open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from allocation.anomalies.engine import anomalies as engine
from allocation.anomalies.engine.anomalies import JudgedDay, Verdict
from allocation.anomalies.engine.scope_verdicts import DailyUse, SeriesKey, most_of
from allocation.anomalies.models import Anomaly, Metric
from allocation.anomalies.operations.memory import Memory

SCORE_PLACES = Decimal("0.01")
SCORE_MAX = 1e9
REASON_CHARS_MAX = 500

JUDGED_FIELDS = (
    "first_day", "last_day", "days_count", "expected", "observed", "excess_cost", "score", "reason", "method", "status",
    "closed_at",
)  # fmt: skip


@dataclass(slots=True)
class DetectionCounts:
    """The series judged in one run of detection, the anomalies it opened, changed and closed, and the organisations
    that it could not look at.
    """

    series: int = 0
    opened: int = 0
    changed: int = 0
    closed: int = 0
    failed: tuple[str, ...] = ()


@dataclass(slots=True)
class AnomalyChanges:
    """The changes that new verdicts make to known anomalies, and the anomalies they open."""

    at: datetime
    memory: Memory
    opened: list[Anomaly] = field(default_factory=list)
    changed: list[Anomaly] = field(default_factory=list)
    closed: list[Anomaly] = field(default_factory=list)

    def settle(
        self, key: SeriesKey, metric: str, judged: Sequence[JudgedDay], use: Mapping[SeriesKey, DailyUse]
    ) -> None:
        known = self.memory.judged_again(key, metric)
        confirmed: set[int] = set()
        for span in engine.anomalous_spans(judged):
            overlapping = [
                anomaly
                for anomaly in known
                if anomaly.first_day <= span.last_day and anomaly.last_day >= span.first_day
            ]
            confirmed.update(anomaly.pk for anomaly in overlapping)
            earlier = overlapping[:-1]
            days = [
                day
                for day in span.days
                if not any(anomaly.first_day <= day.day <= anomaly.last_day for anomaly in earlier)
            ]
            values = self._values(days or list(span.days), metric, is_over=span.is_over)
            if key.is_of_all:
                values["reason"] = f"{values['reason']}{most_of(use, key, metric, span)}"[:REASON_CHARS_MAX]
            if overlapping:
                self._change(overlapping[-1], values)
            else:
                new = Anomaly(scope_id=key.scope_id, provider=key.provider, model=key.model, metric=metric)
                self.opened.append(self._with(new, {**values, "detected_at": self.at}))
        last = next((day for day in reversed(judged) if day.verdict != Verdict.NONE), None)
        for anomaly in known:
            if anomaly.pk not in confirmed and last is not None and last.day > anomaly.last_day:
                self._change(anomaly, {"status": Anomaly.Status.CLOSED})

    def _values(self, days: Sequence[JudgedDay], metric: str, *, is_over: bool) -> dict[str, Any]:
        worst = max(days, key=lambda day: (day.score, day.day))
        observed = sum((day.observed or Decimal(0) for day in days), Decimal(0))
        expected = sum((day.expected or Decimal(0) for day in days), Decimal(0))
        return {
            "first_day": days[0].day,
            "last_day": days[-1].day,
            "days_count": len(days),
            "expected": expected,
            "observed": observed,
            "excess_cost": observed - expected if metric == Metric.COST else Decimal(0),
            "score": Decimal(min(worst.score, SCORE_MAX)).quantize(SCORE_PLACES),
            "reason": worst.reason,
            "method": engine.METHOD,
            "status": Anomaly.Status.CLOSED if is_over else Anomaly.Status.OPEN,
        }

    def _change(self, anomaly: Anomaly, values: Mapping[str, Any]) -> None:
        if any(getattr(anomaly, name) != value for name, value in values.items()):
            closes = anomaly.status == Anomaly.Status.OPEN and values["status"] == Anomaly.Status.CLOSED
            (self.closed if closes else self.changed).append(self._with(anomaly, values))

    def _with(self, anomaly: Anomaly, values: Mapping[str, Any]) -> Anomaly:
        for name, value in values.items():
            setattr(anomaly, name, value)
        anomaly.closed_at = None if anomaly.status == Anomaly.Status.OPEN else anomaly.closed_at or self.at
        return anomaly

    def save(self, total: DetectionCounts) -> None:
        """Closed anomalies are saved first: a series has at most one open anomaly."""
        Anomaly.objects.bulk_update(self.closed, JUDGED_FIELDS)
        Anomaly.objects.bulk_update(self.changed, JUDGED_FIELDS)
        Anomaly.objects.bulk_create(self.opened)
        total.opened += len(self.opened)
        total.changed += len(self.changed)
        total.closed += len(self.closed)
