"""Rows that decisions need, read past Django: the process that answers decisions loads neither models nor settings.

Each table is read whole, by id, or since a transaction: rows written by it or by a later one. What a transaction wrote
that had not ended at one reading is read at the next, whatever the order of commits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection, sql

from allocation.attribution.documents import condition
from allocation.attribution.engine import Key, Matcher, Rule
from policies.decisions.engine.decisions import HeldConstraint
from policies.decisions.engine.snapshot import KeyLine, RuleSetsLine, ScopeLine, Snapshot
from policies.guardrails.engine.constraint_kinds import imposed_by

ROWS_AT_ONCE = 2_000
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` begin with the id. ``put`` and ``drop`` change the snapshot, ``held`` are the ids it holds."""

    name: str
    columns: str
    condition: str
    put: Callable[[Snapshot, Sequence[Row]], None]
    drop: Callable[[Snapshot, Iterable[int]], None]
    held: Callable[[Snapshot], Collection[int]]

    def statement(self, condition: str = "true") -> sql.SQL:
        """Its rows for which ``condition`` holds, a text of this module."""
        text = f"SELECT {self.columns} FROM {self.name} WHERE {self.condition} AND {condition}"  # noqa: S608  # own texts
        return sql.SQL(text)


def _put_scopes(snapshot: Snapshot, rows: Sequence[Row]) -> None:
    snapshot.put_scopes(ScopeLine(*row) for row in rows)


def _put_keys(snapshot: Snapshot, rows: Sequence[Row]) -> None:
    snapshot.put_keys(KeyLine(*row) for row in rows)


def _put_constraints(snapshot: Snapshot, rows: Sequence[Row]) -> None:
    snapshot.put_constraints([held_constraint(*row) for row in rows])


def held_constraint(
    number: int,
    scope_id: int,
    guardrail: str,
    step: str,
    action: str,
    models: list[str],
    evidence: dict[str, Any],
    reason: str,
    expires_at: Any,
    resets_at: str,
) -> HeldConstraint:
    return HeldConstraint(
        id=number,
        scope_id=scope_id,
        guardrail=guardrail,
        step=step,
        imposed=imposed_by(action, models, evidence.get("message") or ""),
        reason=reason,
        limit=evidence.get("limit"),
        observed=evidence.get("observed"),
        unit=evidence.get("unit", ""),
        expires_at=expires_at,
        resets_at=resets_at,
    )


SCOPES = Table(
    "governance_scope", "id, parent_id, path, criticality", "true",
    _put_scopes, Snapshot.drop_scopes, lambda snapshot: snapshot.scopes.keys(),
)  # fmt: skip
KEYS = Table(
    "governance_apikey",
    "id, prefix, digest, scope_id, permissions && ARRAY['decisions:read', 'admin']::varchar[],"
    " expires_at, revoked_at, last_used_at",
    "true", _put_keys, Snapshot.drop_keys, lambda snapshot: snapshot.keys.keys(),
)  # fmt: skip
# The end as JSON writes it, which is how the statement of decisions answers it.
CONSTRAINTS = Table(
    "policies_constraint",
    "id, scope_id, guardrail, step, action, models, evidence, reason, expires_at, to_json(expires_at) #>> '{}'",
    "status = 'active'", _put_constraints, Snapshot.drop_constraints, lambda snapshot: snapshot.constraints.keys(),
)  # fmt: skip
TABLES = {"scope": SCOPES, "key": KEYS, "constraint": CONSTRAINTS}
"""By the word that a notification begins with."""


def read_whole(connection: Connection[Any], table: Table, snapshot: Snapshot) -> None:
    """Every row; what the snapshot holds beyond them is dropped."""
    found: set[int] = set()
    with connection.cursor(binary=True) as cursor:
        cursor.execute(table.statement())
        for rows in _in_portions(cursor.fetchmany):
            table.put(snapshot, rows)
            found.update(row[0] for row in rows)
    table.drop(snapshot, set(table.held(snapshot)) - found)


def _in_portions(fetch: Callable[[int], Sequence[Row]]) -> Iterator[Sequence[Row]]:
    while rows := fetch(ROWS_AT_ONCE):
        yield rows


def read_by_id(connection: Connection[Any], table: Table, snapshot: Snapshot, ids: Collection[int]) -> None:
    """The rows with these ids; those that are gone are dropped."""
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(table.statement("id = ANY(%s)"), [list(ids)]).fetchall()
    table.put(snapshot, rows)
    table.drop(snapshot, set(ids) - {row[0] for row in rows})


def read_since(connection: Connection[Any], table: Table, snapshot: Snapshot, since: str) -> None:
    """Rows written by the transaction ``since`` or later ones. What is gone is dropped when the count tells of it."""
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(table.statement("age(xmin) <= age(%s::text::xid8::xid)"), [since]).fetchall()
        table.put(snapshot, rows)
        counted = sql.SQL("SELECT count(*) FROM ({}) rows").format(table.statement())
        count = cursor.execute(counted).fetchone()
        if count is not None and count[0] != len(table.held(snapshot)):
            ids = cursor.execute(sql.SQL("SELECT id FROM ({}) rows").format(table.statement())).fetchall()
            table.drop(snapshot, set(table.held(snapshot)) - {number for (number,) in ids})


MARKS = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text,
       (SELECT version::text FROM governance_scopetreeversion),
       (SELECT max(beat_at) FROM governance_heartbeat WHERE name IN ('policies.evaluation', 'policies.sweep')),
       (SELECT coalesce(array_agg(scope_id), '{}') FROM allocation_ingestwatermark),
       (SELECT coalesce(array_agg(last_received_at), '{}') FROM allocation_ingestwatermark)
"""


@dataclass(frozen=True, slots=True)
class Marks:
    """The oldest transaction that had not ended, and the version of the tree of scopes."""

    oldest_open: str
    tree_version: str | None


def read_marks(connection: Connection[Any], snapshot: Snapshot) -> Marks:
    """Also writes into the snapshot how fresh usage and evaluation are."""
    row = connection.execute(MARKS).fetchone()
    assert row is not None  # noqa: S101  # a SELECT without FROM has one row
    oldest_open, tree_version, snapshot.evaluated_at, scope_ids, received = row
    snapshot.received = dict(zip(scope_ids, received, strict=True))
    return Marks(oldest_open, tree_version)


RULE_SETS = """
SELECT organisation_id, array_agg(id ORDER BY name) FROM allocation_attributionruleset WHERE is_current GROUP BY 1
"""
ATTRIBUTION_KEYS = """
SELECT rule_set_id, kind, value, scope_id, effective_from, effective_to FROM allocation_attributionkey
 WHERE rule_set_id = ANY(%s) ORDER BY position
"""
ATTRIBUTION_RULES = """
SELECT rule_set_id, "when", scope_id, effective_from, effective_to, condition FROM allocation_attributionrule
 WHERE rule_set_id = ANY(%s) ORDER BY position
"""


def read_rule_sets(connection: Connection[Any], snapshot: Snapshot) -> None:
    """Of each organisation whose current rule sets are others than the snapshot's. A version is never edited."""
    current = {organisation: tuple(ids) for organisation, ids in connection.execute(RULE_SETS)}
    lines = {}
    for organisation, ids in current.items():
        known = snapshot.rule_sets.get(organisation)
        is_known = known is not None and known.rule_set_ids == ids
        lines[organisation] = known if known and is_known else RuleSetsLine(ids, _matcher(connection, ids))
    snapshot.rule_sets = lines


def _matcher(connection: Connection[Any], ids: tuple[int, ...]) -> Matcher:
    keys: dict[int, list[Key]] = {number: [] for number in ids}
    rules: dict[int, list[Rule]] = {number: [] for number in ids}
    for rule_set, kind, value, scope_id, since, until in connection.execute(ATTRIBUTION_KEYS, [list(ids)]):
        keys[rule_set].append(Key("", kind, value, scope_id, since, until))
    for row in connection.execute(ATTRIBUTION_RULES, [list(ids)]):
        rules[row[0]].append(_rule(*row[1:]))
    # The keys of every set are tried before the rules of any; sets are tried in the order of their names.
    return Matcher((rule for number in ids for rule in rules[number]), (key for number in ids for key in keys[number]))


def _rule(when: dict[str, str], scope_id: int, since: date | None, until: date | None, text: str) -> Rule:
    return Rule("", tuple(when.items()), scope_id, since, until, condition(text) if text else None)
