"""Triggers that tell of changed rows on CHANNEL, when their transaction commits: a word and the ids, or the word alone
for more rows than IDS_TOLD_MAX. Whoever listens must not rely on them alone: a notification can be lost.
"""

from __future__ import annotations

import pgtrigger

from governance.memory.engine import CHANNEL, IDS_TOLD_MAX

# A function of each trigger, since a trigger of several operations cannot see the rows of its statement.
_TOLD = f"""
IF EXISTS (SELECT FROM changed) THEN
    PERFORM pg_notify('{CHANNEL}', (
        SELECT concat_ws(' ', 'WORD', CASE WHEN count(*) <= {IDS_TOLD_MAX} THEN string_agg(id::text, ',') END)
          FROM changed
    ));
END IF;
RETURN NULL;
"""  # noqa: S608  # constants of our own


def tells_of(word: str) -> list[pgtrigger.Trigger]:
    """After each statement, of the rows that it wrote or deleted."""
    operations = {
        "insert": (pgtrigger.Insert, "new"),
        "update": (pgtrigger.Update, "new"),
        "delete": (pgtrigger.Delete, "old"),
    }
    return [
        pgtrigger.Trigger(
            name=f"tell_{name}",
            when=pgtrigger.After,
            level=pgtrigger.Statement,
            operation=operation,
            referencing=pgtrigger.Referencing(**{rows: "changed"}),  # type: ignore[no-untyped-call]  # Untyped there.
            func=_TOLD.replace("WORD", word),
        )
        for name, (operation, rows) in operations.items()
    ]


def tells_of_columns(word: str, *columns: str) -> pgtrigger.Trigger:
    """After each row that is new or gone, or of which one of these columns is written."""
    return pgtrigger.Trigger(
        name="tell",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Delete | pgtrigger.UpdateOf(*columns),  # type: ignore[no-untyped-call]  # Untyped there.
        func=f"PERFORM pg_notify('{CHANNEL}', '{word} ' || coalesce(NEW.id, OLD.id)); RETURN NULL;",
    )
