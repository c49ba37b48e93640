"""Finding anomalies in daily use, and what people say of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from allocation.anomalies.engine import anomalies as engine
from allocation.anomalies.engine.anomalies import Judged, Verdict
from allocation.anomalies.models import Anomaly, Feedback, Metric
from allocation.anomalies.queries import ALL_MODELS, DailyUse, SeriesKey, daily_use, days_with_data, terms_of
from governance.calendar.engine import DAY, days_from
from governance.errors import Forbidden, NotFound, ReasonMissing
from governance.people.models import DecisionRight
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.queries import scope_tree
from governance.work.engine.locks import DETECTION_LOCK
from governance.work.operations import hold

# Days judged again each time, for usage that comes late.
DAYS_JUDGED = 14
SCOPES_AT_ONCE = 200
ONE_PLACE = Decimal("0.01")
SCORE_MAX = 1e9

JUDGED_FIELDS = (
    "first_day", "last_day", "days_count", "expected", "observed", "excess_cost", "score", "reason", "method", "status",
    "closed_at",
)  # fmt: skip

Known = dict[tuple[SeriesKey, str], list[Anomaly]]


@dataclass(slots=True)
class Detected:
    series: int = 0
    opened: int = 0
    changed: int = 0
    closed: int = 0


def detect_anomalies(*, at: datetime, scope_ids: Iterable[int] | None = None) -> Detected:
    """In what every scope (or each of `scope_ids`) used itself, over the days that are over. Done again, it changes
    nothing unless usage has come in late.
    """
    tree, total = scope_tree(), Detected()
    wanted = None if scope_ids is None else set(scope_ids)
    for root_id in tree.roots:
        below = [one for one in tree.descendants(root_id) if wanted is None or one in wanted]
        for start in range(0, len(below), SCOPES_AT_ONCE):
            _detect(root_id, below[start : start + SCOPES_AT_ONCE], at, total)
    return total


@transaction.atomic
def _detect(root_id: int, scope_ids: Sequence[int], at: datetime, total: Detected) -> None:
    hold(DETECTION_LOCK, of=root_id)
    today = at.astimezone(UTC).date()
    known = _known(scope_ids, today - DAY * DAYS_JUDGED)
    # A whole anomaly is judged again, never a part of one.
    first = min([today - DAY * DAYS_JUDGED, *(one.first_day for mine in known.values() for one in mine)])
    days = days_with_data(root_id, first - DAY * engine.SEASON_DAYS, today)
    use = daily_use(scope_ids, days)
    total.series += len(use)
    idle = DailyUse(*(dict.fromkeys(days, Decimal(0)) for _ in range(2)))
    by_scope: dict[int, dict[SeriesKey, DailyUse]] = {}
    for key in {*use, *(key for key, _metric in known)}:
        by_scope.setdefault(key.scope_id, {})[key] = use.get(key, idle)
    judged_days = list(days_from(first, today))
    changes = _Changes(at, known)
    for own in by_scope.values():
        for (key, metric), judged in _judge_scope(own, judged_days).items():
            changes.settle(key, metric, judged)
    changes.save(total)


def _known(scope_ids: Sequence[int], since: date) -> Known:
    """By series, in the order in which they began."""
    known: Known = {}
    rows = Anomaly.objects.filter(scope_id__in=scope_ids)
    for one in (rows.filter(last_day__gte=since) | rows.open()).select_for_update().order_by("first_day", "pk"):
        known.setdefault((SeriesKey(one.scope_id, one.provider, one.model), one.metric), []).append(one)
    return known


def _judge_scope(own: Mapping[SeriesKey, DailyUse], days: Sequence[date]) -> dict[tuple[SeriesKey, str], list[Judged]]:
    """A rise is said once: as cost rather than as tokens, of a model rather than of all models."""
    judged: dict[tuple[SeriesKey, str], list[Judged]] = {}
    told: dict[SeriesKey, set[date]] = {}
    for key in sorted(own, key=lambda key: key[1:] == ALL_MODELS):
        of_models = set().union(*told.values()) if key[1:] == ALL_MODELS else set()
        told[key] = of_models
        for metric in (Metric.COST, Metric.TOKENS):
            found = engine.judge_all(own[key].of(metric), days, terms_of(own[key], metric))
            judged[key, metric] = [
                replace(one, verdict=Verdict.NORMAL) if one.day in told[key] else one for one in found
            ]
            told[key] = told[key] | {one.day for one in judged[key, metric] if one.verdict == Verdict.ANOMALOUS}
    return judged


@dataclass(slots=True)
class _Changes:
    """What becomes of the anomalies that are known, and which are new."""

    at: datetime
    known: Known
    opened: list[Anomaly] = field(default_factory=list)
    changed: list[Anomaly] = field(default_factory=list)
    closed: list[Anomaly] = field(default_factory=list)

    def settle(self, key: SeriesKey, metric: str, judged: Sequence[Judged]) -> None:
        mine = self.known.get((key, metric), [])
        met: set[int] = set()
        for found in engine.anomalies(judged):
            overlapping = [one for one in mine if one.first_day <= found.last_day and one.last_day >= found.first_day]
            met.update(one.pk for one in overlapping)
            others = overlapping[:-1]
            days = [day for day in found.days if not any(one.first_day <= day.day <= one.last_day for one in others)]
            values = self._values(days or list(found.days), metric, is_over=found.is_over)
            if overlapping:
                self._change(overlapping[-1], values)
            else:
                new = Anomaly(scope_id=key.scope_id, provider=key.provider, model=key.model, metric=metric)
                self.opened.append(self._with(new, {**values, "detected_at": self.at}))
        last = next((one for one in reversed(judged) if one.verdict != Verdict.NONE), None)
        for one in mine:
            if one.pk not in met and last is not None and last.day > one.last_day:
                self._change(one, {"status": Anomaly.Status.CLOSED})

    def _values(self, days: Sequence[Judged], metric: str, *, is_over: bool) -> dict[str, Any]:
        worst = max(days, key=lambda one: (one.score, one.day))
        observed = sum((one.observed or Decimal(0) for one in days), Decimal(0))
        expected = sum((one.expected or Decimal(0) for one in days), Decimal(0))
        return {
            "first_day": days[0].day,
            "last_day": days[-1].day,
            "days_count": len(days),
            "expected": expected,
            "observed": observed,
            "excess_cost": observed - expected if metric == Metric.COST else Decimal(0),
            "score": Decimal(min(worst.score, SCORE_MAX)).quantize(ONE_PLACE),
            "reason": worst.reason,
            "method": engine.METHOD,
            "status": Anomaly.Status.CLOSED if is_over else Anomaly.Status.OPEN,
        }

    def _change(self, one: Anomaly, values: Mapping[str, Any]) -> None:
        if any(getattr(one, name) != value for name, value in values.items()):
            closes = one.status == Anomaly.Status.OPEN and values["status"] == Anomaly.Status.CLOSED
            (self.closed if closes else self.changed).append(self._with(one, values))

    def _with(self, one: Anomaly, values: Mapping[str, Any]) -> Anomaly:
        for name, value in values.items():
            setattr(one, name, value)
        one.closed_at = None if one.status == Anomaly.Status.OPEN else one.closed_at or self.at
        return one

    def save(self, total: Detected) -> None:
        """What ends comes first: there is one open anomaly of a series."""
        Anomaly.objects.bulk_update(self.closed, JUDGED_FIELDS)
        Anomaly.objects.bulk_update(self.changed, JUDGED_FIELDS)
        Anomaly.objects.bulk_create(self.opened)
        total.opened += len(self.opened)
        total.changed += len(self.changed)
        total.closed += len(self.closed)


@transaction.atomic
def give_feedback(*, anomaly_id: int, feedback: Feedback, reason: str, actor: Actor, at: datetime) -> Anomaly:
    """Whether it was one: yes, no, or planned. Said again it replaces what was said; both stay on record."""
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
        raise ReasonMissing("Say in a sentence how you know: it is what the next reader has to go by.")
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
