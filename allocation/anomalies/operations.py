"""Detecting anomalies in daily use, and people's feedback on them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from allocation.anomalies.engine import anomalies as engine
from allocation.anomalies.engine.anomalies import JudgedDay, Verdict
from allocation.anomalies.models import Anomaly, Feedback, Metric
from allocation.anomalies.queries import ALL_MODELS, DailyUse, SeriesKey, daily_use, days_with_data, thresholds_for
from governance.calendar.engine import DAY, days_from
from governance.errors import Forbidden, NotFound, ReasonMissing
from governance.people.models import DecisionRight
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.queries import scope_tree
from governance.work.engine.locks import DETECTION_LOCK
from governance.work.operations import hold

# Days judged again in each run, for usage that arrives late.
DAYS_JUDGED = 14
SCOPES_AT_ONCE = 200
SCORE_PLACES = Decimal("0.01")
SCORE_MAX = 1e9

JUDGED_FIELDS = (
    "first_day", "last_day", "days_count", "expected", "observed", "excess_cost", "score", "reason", "method", "status",
    "closed_at",
)  # fmt: skip

Known = dict[tuple[SeriesKey, str], list[Anomaly]]


@dataclass(slots=True)
class DetectionCounts:
    """The series judged in one run of detection, and the anomalies it opened, changed and closed."""

    series: int = 0
    opened: int = 0
    changed: int = 0
    closed: int = 0


def detect_anomalies(*, at: datetime, scope_ids: Iterable[int] | None = None) -> DetectionCounts:
    """Judge the last 14 whole days of every scope's own use (or of `scope_ids`); open, change and close anomalies.
    Running it again changes nothing unless usage has arrived since.
    """
    tree, total = scope_tree(), DetectionCounts()
    wanted = None if scope_ids is None else set(scope_ids)
    for root_id in tree.roots:
        below = [scope_id for scope_id in tree.descendants(root_id) if wanted is None or scope_id in wanted]
        for start in range(0, len(below), SCOPES_AT_ONCE):
            _detect(root_id, below[start : start + SCOPES_AT_ONCE], at, total)
    return total


@transaction.atomic
def _detect(root_id: int, scope_ids: Sequence[int], at: datetime, total: DetectionCounts) -> None:
    hold(DETECTION_LOCK, of=root_id)
    today = at.astimezone(UTC).date()
    known = _known(scope_ids, today - DAY * DAYS_JUDGED)
    # An anomaly is judged again as a whole, never in part.
    first = min(
        [today - DAY * DAYS_JUDGED, *(anomaly.first_day for of_series in known.values() for anomaly in of_series)]
    )
    days = days_with_data(root_id, first - DAY * engine.SEASON_DAYS, today)
    use = daily_use(scope_ids, days)
    total.series += len(use)
    idle = DailyUse(*(dict.fromkeys(days, Decimal(0)) for _ in range(2)))
    by_scope: dict[int, dict[SeriesKey, DailyUse]] = {}
    for key in {*use, *(key for key, _metric in known)}:
        by_scope.setdefault(key.scope_id, {})[key] = use.get(key, idle)
    judged_days = list(days_from(first, today))
    changes = _AnomalyChanges(at, known)
    for own in by_scope.values():
        for (key, metric), judged in _judge_scope(own, judged_days).items():
            changes.settle(key, metric, judged)
    changes.save(total)


def _known(scope_ids: Sequence[int], since: date) -> Known:
    """Anomalies since then and open ones, locked; by series and metric, in the order in which they began."""
    known: Known = {}
    rows = Anomaly.objects.filter(scope_id__in=scope_ids)
    for anomaly in (rows.filter(last_day__gte=since) | rows.open()).select_for_update().order_by("first_day", "pk"):
        known.setdefault((SeriesKey(anomaly.scope_id, anomaly.provider, anomaly.model), anomaly.metric), []).append(
            anomaly
        )
    return known


def _judge_scope(
    own: Mapping[SeriesKey, DailyUse], days: Sequence[date]
) -> dict[tuple[SeriesKey, str], list[JudgedDay]]:
    """A rise is reported once: as cost rather than as tokens, of a model rather than of all models."""
    judged: dict[tuple[SeriesKey, str], list[JudgedDay]] = {}
    reported: dict[SeriesKey, set[date]] = {}
    for key in sorted(own, key=lambda key: key[1:] == ALL_MODELS):
        of_models = set().union(*reported.values()) if key[1:] == ALL_MODELS else set()
        reported[key] = of_models
        for metric in (Metric.COST, Metric.TOKENS):
            verdicts = engine.judge_days(own[key].of(metric), days, thresholds_for(own[key], metric))
            judged[key, metric] = [
                replace(day, verdict=Verdict.NORMAL) if day.day in reported[key] else day for day in verdicts
            ]
            reported[key] = reported[key] | {day.day for day in judged[key, metric] if day.verdict == Verdict.ANOMALOUS}
    return judged


@dataclass(slots=True)
class _AnomalyChanges:
    """The changes that new verdicts make to known anomalies, and the anomalies they open."""

    at: datetime
    known: Known
    opened: list[Anomaly] = field(default_factory=list)
    changed: list[Anomaly] = field(default_factory=list)
    closed: list[Anomaly] = field(default_factory=list)

    def settle(self, key: SeriesKey, metric: str, judged: Sequence[JudgedDay]) -> None:
        known = self.known.get((key, metric), [])
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


@transaction.atomic
def give_feedback(*, anomaly_id: int, feedback: Feedback, reason: str, actor: Actor, at: datetime) -> Anomaly:
    """Record whether it was an anomaly: yes, no, or planned. New feedback replaces the old; decision records keep both.

    Errors: not_found, forbidden, reason_missing.
    """
    anomaly = (
        Anomaly.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("scope")
        .filter(pk=anomaly_id)
        .first()
    )
    if anomaly is None:
        raise NotFound("There is no such anomaly among those you may see.")
    if not actor.may(DecisionRight.ACKNOWLEDGE, anomaly.scope):
        raise Forbidden(f"{actor.label} may not judge anomalies of {anomaly.scope.path}.")
    if not reason.strip():
        raise ReasonMissing("Say in a sentence how you know, so that the next reader can rely on it.")
    before = anomaly.feedback
    anomaly.feedback, anomaly.feedback_reason = Feedback(feedback), reason
    anomaly.feedback_by, anomaly.feedback_at = actor.label, at
    anomaly.save(update_fields=["feedback", "feedback_reason", "feedback_by", "feedback_at"])
    record_decision(
        actor=actor,
        action="anomaly.judge",
        scope=anomaly.scope,
        subject=f"anomaly:{anomaly.pk}",
        reason=reason,
        evidence={
            "feedback": anomaly.feedback,
            "before": before,
            "model": anomaly.model,
            "metric": anomaly.metric,
            "first_day": str(anomaly.first_day),
            "last_day": str(anomaly.last_day),
            "excess_cost": str(anomaly.excess_cost),
        },
        at=at,
    )
    return anomaly
