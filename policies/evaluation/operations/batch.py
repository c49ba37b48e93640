"""The rows an evaluation will write: collected in memory, then saved in bulk in a fixed order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

from django.db import connection
from psycopg import sql

from governance.work.operations import copy_values, insert_values, send
from policies.alerts.models import Alert, AlertEvent
from policies.alerts.operations import (
    Ending,
    Happened,
    Places,
    Told,
    add_events,
    addressed,
    places_of,
    tell,
    told_of_endings,
)
from policies.constraints.models import KIND_FIELDS, Constraint
from policies.evaluation.operations.messages import Notice, NoticeKey, told_of
from policies.evaluation.operations.records import PendingRecord
from policies.guardrails.models import GuardrailState

RELEASED_BY_WEIR = "weir"
COPIED_FROM = 20
_ALERT_FIELDS = Alert._meta.concrete_fields  # noqa: SLF001  # Django's public introspection.
_values_of_alert = attrgetter(*[field.attname for field in _ALERT_FIELDS])
STATE_FIELDS = ("guardrail", "scope", "period_start", "period_end", "state", "next_due_at", "updated_at")
STATE_REPLACED = sql.SQL(
    "ON CONFLICT (guardrail, scope_id) DO UPDATE SET (period_start, period_end, state, next_due_at, updated_at) ="
    " (EXCLUDED.period_start, EXCLUDED.period_end, EXCLUDED.state, EXCLUDED.next_due_at, EXCLUDED.updated_at)"
)

# Guardrail name and scope id.
Pair = tuple[str, int]


@dataclass(slots=True)
class Known:
    """The stored rows of the pairs being written: open alerts, active constraints, when a person lifted a constraint,
    and how often each step has notified.
    """

    alerts: dict[Pair, list[Alert]]
    constraints: dict[Pair, dict[str, Constraint]]
    lifted_by_hand: dict[tuple[Pair, str], datetime]
    notified: Mapping[tuple[Pair, datetime, str], int]


@dataclass(slots=True)
class Batch:
    """Everything one transaction will write, dated ``at``."""

    at: datetime
    states: list[tuple[Any, ...]] = field(default_factory=list)
    """As STATE_FIELDS."""
    forgotten_states: list[int] = field(default_factory=list)
    new_alerts: list[Alert] = field(default_factory=list)
    are_numbered: bool = False
    """Whether the new alerts have their numbers before they are inserted."""
    changed_alerts: dict[int, Alert] = field(default_factory=dict)
    events: list[tuple[Alert | int, str, str, str]] = field(default_factory=list)
    new_constraints: list[tuple[Alert, dict[str, Any]]] = field(default_factory=list)
    """Each with its alert and its other fields by name, the same of all; alerts get their ids when they are saved."""
    changed_constraints: dict[int, Constraint] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    ended_limits: dict[int, list[Constraint]] = field(default_factory=lambda: defaultdict(list))
    endings: dict[int, Ending] = field(default_factory=dict)
    planned_notices: Counter[tuple[NoticeKey, tuple[str, ...]]] = field(default_factory=Counter)
    decisions: list[PendingRecord] = field(default_factory=list)
    transitions_count: int = 0

    def event(self, alert: Alert | int, kind: str, step: str = "", detail: str = "") -> None:
        """Add an event to the history of the alert, or of the stored one with this id."""
        self.events.append((alert, kind, step, detail))

    def changed(self, alert: Alert) -> None:
        """Mark a stored alert for update; a new alert is inserted with its final values anyway."""
        if alert.pk is not None:
            self.changed_alerts[alert.pk] = alert


def load_known(pairs: set[Pair]) -> Known:
    """The stored rows of these pairs, in a fixed number of queries."""
    names, scope_ids = {name for name, _scope in pairs}, {scope_id for _name, scope_id in pairs}
    alerts: dict[Pair, list[Alert]] = defaultdict(list)
    for alert in Alert.objects.unresolved().filter(guardrail__in=names, scope_id__in=scope_ids):
        alerts[alert.guardrail, alert.scope_id].append(alert)
    constraints: dict[Pair, dict[str, Constraint]] = defaultdict(dict)
    lifted: dict[tuple[Pair, str], datetime] = {}
    open_ids = [alert.pk for group in alerts.values() for alert in group]
    for constraint in Constraint.objects.filter(
        guardrail__in=names, scope_id__in=scope_ids, status=Constraint.Status.ACTIVE
    ):
        constraints[constraint.guardrail, constraint.scope_id][constraint.step] = constraint
    for constraint in (
        Constraint.objects.filter(alert_id__in=open_ids, status=Constraint.Status.RELEASED)
        .exclude(released_by=RELEASED_BY_WEIR)
        .order_by("id")
    ):
        lifted[(constraint.guardrail, constraint.scope_id), constraint.step] = constraint.starts_at
    return Known(alerts, constraints, lifted, _Notified(names, scope_ids))


class _Notified(dict[tuple[Pair, datetime, str], int]):
    """How often a step has notified in its period. Loaded on first use: most evaluations notify nobody."""

    def __init__(self, names: set[str], scope_ids: set[int]) -> None:
        super().__init__()
        self._names, self._scope_ids, self._is_loaded = names, scope_ids, False

    def __missing__(self, key: tuple[Pair, datetime, str]) -> int:
        if not self._is_loaded:
            self._is_loaded = True
            rows = AlertEvent.objects.filter(
                kind=AlertEvent.Kind.NOTIFIED, alert__guardrail__in=self._names, alert__scope_id__in=self._scope_ids
            ).values_list("alert__guardrail", "alert__scope_id", "alert__period_start", "step")
            for name, scope_id, period_start, step in rows:
                notice_key = ((name, scope_id), period_start, step)
                self[notice_key] = self.get(notice_key, 0) + 1
        return self.get(key, 0)


def number_alerts(batch: Batch) -> None:
    """Draws the numbers of new alerts, so that they can be copied, and told of before they are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [Alert._meta.db_table, len(batch.new_alerts)],  # noqa: SLF001  # Django's public introspection.
        )
        for alert, (number,) in zip(batch.new_alerts, cursor.fetchall(), strict=True):
            alert.pk = number
    batch.are_numbered = True


def _insert_alerts(batch: Batch) -> None:
    """Whoever is told of an alert is told in this transaction."""
    for notice in batch.notices:
        notice.alert.last_notified_at = batch.at
    if not batch.are_numbered:
        if len(batch.new_alerts) < COPIED_FROM:
            Alert.objects.bulk_create(batch.new_alerts)
            return
        number_alerts(batch)
    copy_values(Alert, [field.name for field in _ALERT_FIELDS], map(_values_of_alert, batch.new_alerts), same={})


def _insert_constraints(batch: Batch) -> None:
    if batch.new_constraints:
        names = tuple(batch.new_constraints[0][1])
        rows = ((alert.pk, *values.values()) for alert, values in batch.new_constraints)
        not_ended = {"released_at": None, "released_by": "", "release_reason": ""}
        copy_values(Constraint, ("alert", *names), rows, same={"status": Constraint.Status.ACTIVE, **not_ended})


@dataclass(frozen=True, slots=True)
class Asked:
    """What must be asked of the database for the messages of a batch."""

    endings: Sequence[Told]
    places: Places


def ask_for_messages(batch: Batch) -> Asked:
    """Before anything is saved."""
    endings = told_of_endings(list(batch.endings.values()))
    of_notices = [(address, notice.scope.id) for notice in batch.notices for address in notice.to]
    of_endings = [(address, told.scope_id) for told in endings for address in told.to]
    return Asked(endings, places_of([*of_notices, *of_endings]))


def save(batch: Batch, asked: Asked) -> None:
    """Write states, alerts, constraints, deliveries and events in this order, inside the caller's transaction. Where
    alerts are numbered nothing is asked of the database.
    """
    if batch.forgotten_states:
        send(GuardrailState.objects.filter(id__in=batch.forgotten_states).delete)
    insert_values(GuardrailState, STATE_FIELDS, batch.states, on_conflict=STATE_REPLACED)
    if batch.changed_alerts:
        changed_alerts = [batch.changed_alerts[pk] for pk in sorted(batch.changed_alerts)]
        fields = [
            "status", "step", "severity", "reason", "evidence", "version", "level", "escalated_at", "resolved_at",
            "resolve_reason",
        ]  # fmt: skip
        send(partial(Alert.objects.bulk_update, changed_alerts, fields, batch_size=500))
    _insert_alerts(batch)
    if batch.changed_constraints:
        changed_constraints = [batch.changed_constraints[pk] for pk in sorted(batch.changed_constraints)]
        fields = [
            "status", *KIND_FIELDS, "version", "owner", "reason", "evidence", "expires_at", "min_hold_until",
            "released_at", "released_by", "release_reason",
        ]  # fmt: skip
        send(partial(Constraint.objects.bulk_update, changed_constraints, fields, batch_size=500))
    _insert_constraints(batch)
    # Made while the database writes what is above.
    messages = [*map(told_of, batch.notices), *asked.endings]
    told = tell(addressed(messages, asked.places), at=batch.at)
    happened = (
        Happened(alert if isinstance(alert, int) else alert.pk, kind, step, detail)
        for alert, kind, step, detail in batch.events
    )
    add_events(chain(happened, told), at=batch.at)
