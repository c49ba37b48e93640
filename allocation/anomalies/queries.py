"""The daily series that anomalies are detected in, the anomalies, and the figures of their detection."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from allocation.anomalies.engine.anomalies import JudgedDay, Thresholds, Verdict, judge_days
from allocation.anomalies.engine.expectation import SEASON_DAYS, Series
from allocation.anomalies.engine.scope_verdicts import ALL_MODELS, DailyUse, SeriesKey, ToldRise, earlier_days
from allocation.anomalies.engine.words import ToldAnomaly
from allocation.anomalies.models import FORESEEN, Anomaly, AnomalyQuerySet, Feedback, Metric
from allocation.meters.documents.meters import TOKEN_METERS
from allocation.usage.models import CHARGE_TABLE, DAY_TABLE, ChargeClass, IngestWatermark, UsageDay
from governance.calendar.engine import DAY, days_from, midnight
from governance.people.rules import Actor
from governance.scopes.queries import ScopeNode, scope_tree

ADJUSTMENT_TABLE = "allocation_adjustment"
DETECTION_HEARTBEAT = "allocation.anomalies"
DAYS_BEFORE, DAYS_AFTER = 28, 7
TOKENS_MIN_UNPRICED = Decimal(1_000_000)
SECOND, HOUR_S = timedelta(seconds=1), 3600
RATIO_PART = Decimal("0.0001")
NOT_A_COST = (Feedback.NO, Feedback.PLANNED)


def days_with_data(root_id: int, since: date, until: date) -> list[date]:
    """The whole days of [since, until) on which the organisation's feed delivered anything. A day is whole once
    something was delivered after its end.
    """
    last_received_at = (
        IngestWatermark.objects.filter(scope_id=root_id).values_list("last_received_at", flat=True).first()
    )
    if last_received_at is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT day::date FROM generate_series(%s::date, %s::date - 1, interval '1 day') AS day
            WHERE EXISTS (
                SELECT FROM {DAY_TABLE} AS used
                WHERE used.bucket = day AT TIME ZONE 'UTC' AND used.scope_id = ANY(%s::bigint[])
            )
            ORDER BY day
            """,  # noqa: S608  # our own table name
            [since, min(until, last_received_at.astimezone(UTC).date()), list(scope_tree().descendants(root_id))],
        )
        return [row[0] for row in cursor.fetchall()]


def daily_use(scope_ids: Sequence[int], days: Sequence[date]) -> dict[SeriesKey, DailyUse]:
    """The daily use of every model of each scope itself on `days` (in order), and of each scope's models together."""
    if not days:
        return {}
    use: dict[SeriesKey, DailyUse] = {}
    sums: dict[int, tuple[dict[date, Decimal], dict[date, Decimal], int]] = {}
    for scope_id, provider, model, on, costs, tokens in _rows(scope_ids, days):
        cost, used = (dict.fromkeys(days, Decimal(0)) for _ in range(2))
        cost.update(zip(on, costs, strict=True))
        used.update(zip(on, tokens, strict=True))
        use[SeriesKey(scope_id, provider, model)] = DailyUse(cost, used)
        all_cost, all_used, models = sums.get(
            scope_id, (dict.fromkeys(days, Decimal(0)), dict.fromkeys(days, Decimal(0)), 0)
        )
        for place, day in enumerate(on):
            all_cost[day] += costs[place]
            all_used[day] += tokens[place]
        sums[scope_id] = (all_cost, all_used, models + 1)
    for scope_id, (cost, used, models) in sums.items():
        if models > 1:
            use[SeriesKey(scope_id, *ALL_MODELS)] = DailyUse(cost, used)
    return use


def organisation_cost(root_id: int, days: Sequence[date]) -> dict[date, Decimal]:
    """What the whole organisation used on each of `days`, in its currency."""
    if not days:
        return {}
    rows = (
        UsageDay.objects.filter(
            scope_id__in=scope_tree().descendants(root_id),
            bucket__gte=midnight(days[0]),
            bucket__lt=midnight(days[-1] + DAY),
        )
        .values_list("bucket")
        .annotate(Sum("cost"))
    )
    by_day = {bucket.astimezone(UTC).date(): cost for bucket, cost in rows}
    return {day: by_day.get(day, Decimal(0)) for day in days}


def thresholds_for(use: DailyUse, metric: str) -> Thresholds:
    """The least excess worth reporting, from settings; in tokens at their mean cost."""
    excess_min = Decimal(settings.ANOMALY_EXCESS_MIN)
    if metric == Metric.TOKENS:
        cost, tokens = sum(use.cost.values(), Decimal(0)), sum(use.tokens.values(), Decimal(0))
        excess_min = excess_min * tokens / cost if cost > 0 else TOKENS_MIN_UNPRICED
    return Thresholds(excess_min=excess_min)


@dataclass(frozen=True, slots=True)
class SurroundingDay:
    """A day in or around an anomaly. `expected` and `high` None: too little history. `observed` None: no data."""

    day: date
    observed: Decimal | None
    expected: Decimal | None
    high: Decimal | None
    is_anomalous: bool


def days_around(anomaly: Anomaly, *, until: date) -> list[SurroundingDay]:
    """The days from four weeks before the anomaly to one week after it, as far as they are over."""
    first = anomaly.first_day - DAY * DAYS_BEFORE
    end = min(anomaly.last_day + DAY * (DAYS_AFTER + 1), until)
    root_id = scope_tree().by_id[anomaly.scope_id].root_id
    days = days_with_data(root_id, first - DAY * SEASON_DAYS, end)
    key = SeriesKey(anomaly.scope_id, anomaly.provider, anomaly.model)
    use = daily_use([anomaly.scope_id], days).get(key)
    if use is None:
        return []
    series = use.of(anomaly.metric)
    # The chart shows the expected amount of small days too.
    thresholds = replace(thresholds_for(use, anomaly.metric), excess_min=Decimal(-1))
    judged = _judged_around(anomaly, series, list(days_from(first, end)), thresholds)
    return [
        SurroundingDay(
            day.day, day.observed, day.expected, day.high,
            is_anomalous=anomaly.first_day <= day.day <= anomaly.last_day and day.verdict == Verdict.ANOMALOUS,
        )
        for day in judged
    ]  # fmt: skip


def _judged_around(anomaly: Anomaly, series: Series, days: Sequence[date], thresholds: Thresholds) -> list[JudgedDay]:
    """Up to the anomaly's last day as it was judged then; after it on the level that feedback may have accepted."""
    key = SeriesKey(anomaly.scope_id, anomaly.provider, anomaly.model)
    rises = [
        told_rise(known)
        for known in Anomaly.objects.filter(scope=anomaly.scope_id, last_day__gte=days[0] - DAY * 2 * SEASON_DAYS)
    ]
    before = [day for day in days if day <= anomaly.last_day]
    own = told_rise(anomaly)
    earlier = earlier_days([rise for rise in rises if rise != own], key, anomaly.metric, anomaly.first_day)
    after = [day for day in days if day > anomaly.last_day]
    return [
        *judge_days(series, before, thresholds, earlier),
        *(judge_days(series, after, thresholds, earlier_days(rises, key, anomaly.metric, after[0])) if after else ()),
    ]


def told(anomaly: Anomaly, currency: str) -> ToldAnomaly:
    """The anomaly as it is told of, with the currency of its scope."""
    return ToldAnomaly(
        path=anomaly.scope.path,
        model=anomaly.model,
        metric=anomaly.metric,
        currency=currency,
        first_day=anomaly.first_day,
        last_day=anomaly.last_day,
        days_count=anomaly.days_count,
        observed=anomaly.observed,
        expected=anomaly.expected,
        is_open=anomaly.status == Anomaly.Status.OPEN,
        feedback=anomaly.feedback,
        feedback_word=anomaly.get_feedback_display() if anomaly.feedback else "",
    )


def told_rise(anomaly: Anomaly) -> ToldRise:
    """The anomaly as the engine takes it into account."""
    return ToldRise(
        SeriesKey(anomaly.scope_id, anomaly.provider, anomaly.model),
        anomaly.metric,
        anomaly.first_day,
        anomaly.last_day,
        is_accepted=anomaly.accepted_at is not None,
        is_foreseen=anomaly.feedback in FORESEEN,
    )


def _rows(scope_ids: Sequence[int], days: Sequence[date]) -> Iterable[tuple[Any, ...]]:
    """A row per series, its days in arrays. Corrections of closed periods, and usage that came after its month was
    closed, are no use of the day they are booked on.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT scope_id, provider, model, array_agg(day), array_agg(cost), array_agg(tokens)
            FROM (
                SELECT scope_id, provider, model, day, sum(cost) AS cost, sum(tokens) AS tokens
                FROM (
                    SELECT scope_id, provider, model, (bucket AT TIME ZONE 'UTC')::date AS day, cost,
                        input_tokens + output_tokens AS tokens
                    FROM {DAY_TABLE}
                    WHERE scope_id = ANY(%(scopes)s::bigint[]) AND bucket >= %(since)s AND bucket < %(until)s
                    UNION ALL
                    SELECT scope_id, provider, model, day, -effective_cost,
                        CASE WHEN meter = ANY(%(token_meters)s) THEN -quantity ELSE 0 END
                    FROM {CHARGE_TABLE}
                    WHERE scope_id = ANY(%(scopes)s::bigint[]) AND day = ANY(%(days)s::date[])
                        AND charge_class = '{ChargeClass.CORRECTION.value}'
                    UNION ALL
                    SELECT scope_id, provider, model, (booked_at AT TIME ZONE 'UTC')::date, 0,
                        -input_tokens - output_tokens
                    FROM {ADJUSTMENT_TABLE}
                    WHERE scope_id = ANY(%(scopes)s::bigint[]) AND booked_at >= %(since)s AND booked_at < %(until)s
                        AND date_trunc('month', booked_at, 'UTC') > date_trunc('month', record_occurred_at, 'UTC')
                ) AS used
                GROUP BY 1, 2, 3, 4
            ) AS of_day
            WHERE day = ANY(%(days)s::date[])
            GROUP BY 1, 2, 3
            """,  # noqa: S608  # our own table name
            {
                "scopes": list(scope_ids),
                "since": midnight(days[0]),
                "until": midnight(days[-1] + DAY),
                "days": list(days),
                "token_meters": list(TOKEN_METERS),
            },
        )
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return rows


def anomalies_seen(*, actor: Actor, scope_id: int | None = None) -> AnomalyQuerySet:
    """Those of the scopes that `actor` may see, at or below `scope_id` if it is given."""
    visible = Anomaly.objects.visible_to(actor).select_related("scope")
    return visible if scope_id is None else visible.filter(scope_id__in=scope_tree().descendants(scope_id))


@dataclass(frozen=True, slots=True)
class AnomalyKpis:
    """Of one organisation. `precision` is the share of anomalies with feedback that were not false alarms; `cost`
    leaves out false alarms and planned rises. None where there is no anomaly to compute it from.
    """

    organisation: str
    currency: str
    anomalies: int
    open: int
    cost: Decimal
    planned_cost: Decimal
    mean_hours_to_detect: Decimal | None
    mean_duration_days: Decimal | None
    with_feedback: int
    feedback_share: Decimal | None
    confirmed: int
    planned: int
    false_alarms: int
    precision: Decimal | None


def anomaly_kpis(*, actor: Actor, scope_id: int | None, since: date, until: date) -> list[AnomalyKpis]:
    """Figures of the anomalies that began in [since, until), by organisation."""
    tree = scope_tree()
    by_root: dict[int, list[Anomaly]] = {}
    for anomaly in anomalies_seen(actor=actor, scope_id=scope_id).filter(first_day__gte=since, first_day__lt=until):
        by_root.setdefault(tree.by_id[anomaly.scope_id].root_id, []).append(anomaly)
    rows = [_kpis(tree.by_id[root_id], anomalies) for root_id, anomalies in by_root.items()]
    return sorted(rows, key=lambda kpis: kpis.organisation)


def _kpis(organisation: ScopeNode, anomalies: Sequence[Anomaly]) -> AnomalyKpis:
    judged = Counter(anomaly.feedback for anomaly in anomalies if anomaly.feedback)
    return AnomalyKpis(
        organisation=organisation.path,
        currency=organisation.currency,
        anomalies=len(anomalies),
        open=sum(anomaly.status == Anomaly.Status.OPEN for anomaly in anomalies),
        cost=sum((anomaly.excess_cost for anomaly in anomalies if anomaly.feedback not in NOT_A_COST), Decimal(0)),
        planned_cost=sum(
            (anomaly.excess_cost for anomaly in anomalies if anomaly.feedback == Feedback.PLANNED), Decimal(0)
        ),
        mean_hours_to_detect=_mean(
            [
                Decimal(anomaly.time_to_detect // SECOND) / HOUR_S
                for anomaly in anomalies
                if not anomaly.was_looked_back_for
            ]
        ),
        mean_duration_days=_mean([Decimal(anomaly.duration_days) for anomaly in anomalies]),
        with_feedback=judged.total(),
        feedback_share=_share(judged.total(), len(anomalies)),
        confirmed=judged[Feedback.YES] + judged[Feedback.ACCEPTED],
        planned=judged[Feedback.PLANNED],
        false_alarms=judged[Feedback.NO],
        precision=_share(judged.total() - judged[Feedback.NO], judged.total()),
    )


def _mean(values: Sequence[Decimal]) -> Decimal | None:
    return (sum(values, Decimal(0)) / len(values)).quantize(RATIO_PART) if values else None


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(RATIO_PART) if whole else None
