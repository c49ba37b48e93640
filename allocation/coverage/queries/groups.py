"""Recorded usage in groups of records that are alike in what attribution rules read."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection

from allocation.attribution.engine import EXPLICIT, DecidingFields, PlainCall
from allocation.coverage.engine.coverage import UsageTotals
from allocation.coverage.engine.moves import RecordGroup
from allocation.coverage.queries.attributed import CORRECTED_USAGE, SUMS, window


def groups_of(
    *, scope_ids: Iterable[int], since: datetime, until: datetime, reads: DecidingFields
) -> Iterator[RecordGroup]:
    """Records of these scopes that occurred in [since, until), alike in what `reads` names. The database groups them:
    a million records of a shared gateway come as a few thousand groups.
    """
    facts, names = _facts(reads)
    grouped = ", ".join(str(place) for place in range(1, len(facts) + 3))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT scope_id, attribution = %s, {"".join(f"{fact}, " for fact in facts)}
                {SUMS}
            FROM ({CORRECTED_USAGE}) AS corrected
            GROUP BY {grouped}
            HAVING sum(records) <> 0 OR sum(cost) <> 0
            """,  # noqa: S608  # our own names; what comes from rules is a parameter
            [EXPLICIT, *names, *window(scope_ids, since, until)],
        )
        for row in cursor:
            yield _group(reads, row)


def _facts(reads: DecidingFields) -> tuple[list[str], list[str]]:
    """SQL expressions to group by, and the names of attributes they take as parameters. Of a record whose sender named
    the scope nothing is read, so all such records of a scope are one group.
    """
    wanted = [*(["(occurred_at AT TIME ZONE 'UTC')::date"] if reads.day else []), *reads.fields]
    names = list(reads.attributes or ())
    wanted += ["attributes"] if reads.attributes is None else ["attributes ->> %s"] * len(names)
    return [f"CASE WHEN attribution <> '{EXPLICIT}' THEN {fact} END" for fact in wanted], names


def _group(reads: DecidingFields, row: Sequence[Any]) -> RecordGroup:
    scope_id, is_named, *facts = row
    *facts, records, requests, tokens, cost = facts
    used = UsageTotals(records, requests, tokens, cost)
    if is_named:
        return RecordGroup(scope_id, named_scope=True, call=PlainCall(), day=date.min, used=used)
    day = facts.pop(0) if reads.day else date.min
    fields = dict(zip(reads.fields, facts, strict=False))
    values = facts[len(fields) :]
    attributes: Mapping[str, str]
    if reads.attributes is None:
        attributes = json.loads(values[0]) if isinstance(values[0], str) else values[0]
    else:
        attributes = {name: value for name, value in zip(reads.attributes, values, strict=True) if value is not None}
    return RecordGroup(scope_id, named_scope=False, call=PlainCall(**fields, attributes=attributes), day=day, used=used)
