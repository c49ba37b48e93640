"""Keeps the snapshot current: by what the database tells of changes, and by reading again what it may not have told.

One thread and one connection, which listens and reads in turn. A change is told by triggers, those of
`governance.memory.models`, and read within milliseconds; one whose notification was lost is found within EVERY_S by the
number of the transaction that wrote it. A connection that breaks, or does not answer within TIMEOUT_S, is made anew;
meanwhile the snapshot grows old, and says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from psycopg import Connection, Error, IsolationLevel, Notify

from governance.memory.engine import AFTER, CHANNEL
from policies.decisions.engine.snapshot import Snapshot
from policies.decisions.queries.tables import (
    TABLES,
    Marks,
    read_by_id,
    read_marks,
    read_rule_sets,
    read_since,
    read_whole,
)

logger = logging.getLogger(__name__)

RULE_SETS = "attribution"
EVERY_S = 1.0
TIMEOUT_S = 5
PAUSE_S = 0.5
CONNECTION = {"connect_timeout": TIMEOUT_S, "tcp_user_timeout": TIMEOUT_S * 1000, "keepalives_idle": TIMEOUT_S}
PATIENCE = f"SET statement_timeout = '{TIMEOUT_S}s'"
# Of each statement that reads a table whole; of very many scopes that takes seconds.
WHOLE_S = 300
WHOLE = f"SET LOCAL statement_timeout = '{WHOLE_S}s'"

# In the order of the ids, so that two hosts that note the same keys wait for each other and do not block each other.
NOTE_USES = """
WITH used AS (SELECT * FROM unnest(%(ids)s::bigint[], %(at)s::timestamptz[]) AS used (id, at)),
     held AS (SELECT id FROM governance_apikey WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE)
UPDATE governance_apikey AS key SET last_used_at = used.at
  FROM used JOIN held USING (id)
 WHERE key.id = used.id AND (key.last_used_at IS NULL OR key.last_used_at < used.at)
"""


class Follower:
    """Writes the snapshot, from the thread that calls `follow`."""

    def __init__(self, conninfo: str, snapshot: Snapshot, *, every_s: float = EVERY_S) -> None:
        self._conninfo = conninfo
        self._snapshot = snapshot
        self._every_s = every_s
        self._marks: Marks | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """`follow` returns within `every_s`, from whatever thread this is called."""
        self._stopped.set()

    def follow(self) -> None:
        """Until `stop`. Never raises what the database raises."""
        while not self._stopped.is_set():
            try:
                with self.connected() as connection:
                    self.read_all(connection)
                    while not self._stopped.is_set():
                        self.attend(connection)
            except Error as problem:
                logger.warning("decisions: the database does not answer: %s", str(problem).strip())
                self._stopped.wait(PAUSE_S)

    def connected(self) -> Connection[Any]:
        """A connection that listens. It listens before anything is read, so that no change falls between."""
        connection = Connection.connect(self._conninfo, autocommit=True, **CONNECTION)  # type: ignore[arg-type]
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.execute(PATIENCE)
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def read_all(self, connection: Connection[Any]) -> None:
        """Everything, as of one instant."""
        began = time.monotonic()
        with connection.transaction():
            connection.execute(WHOLE)
            marks = read_marks(connection, self._snapshot)
            for table in TABLES.values():
                read_whole(connection, table, self._snapshot)
            read_rule_sets(connection, self._snapshot)
        self._marks, self._snapshot.read_at = marks, began

    def attend(self, connection: Connection[Any]) -> None:
        """Read what is told until the next reading is due; then what was not told, and note when keys were used."""
        until = time.monotonic() + self._every_s
        while (left := until - time.monotonic()) > 0 and not self._stopped.is_set():
            if told := list(connection.notifies(timeout=left, stop_after=1)):
                self.read_told(connection, told)
        self.read_again(connection)
        self.note_uses(connection)

    def read_told(self, connection: Connection[Any], told: Iterable[Notify]) -> None:
        """The rows that the notifications name; `read_again` finds those of one that names none."""
        named: dict[str, set[int]] = defaultdict(set)
        transactions: list[int] = []
        is_unnamed = False
        for notify in told:
            word, _, ids = notify.payload.partition(" ")
            if word in TABLES and ids:
                named[word].update(map(int, ids.split(",")))
            elif word == AFTER and ids:
                transactions.append(int(ids))
            else:
                is_unnamed = True
        for word, numbers in named.items():
            read_by_id(connection, TABLES[word], self._snapshot, numbers)
        if is_unnamed:
            self.read_again(connection)
        self._snapshot.heard_after.extend(transactions)

    def read_again(self, connection: Connection[Any]) -> None:
        """Whatever was written since the last reading, as of one instant."""
        if self._marks is None:
            return self.read_all(connection)
        began, before = time.monotonic(), self._marks
        with connection.transaction():
            marks = read_marks(connection, self._snapshot)
            for word, table in TABLES.items():
                if word != "scope" or marks.tree_version != before.tree_version:
                    read_since(connection, table, self._snapshot, before.oldest_open)
            read_rule_sets(connection, self._snapshot)
        self._marks, self._snapshot.read_at = marks, began
        return None

    def note_uses(self, connection: Connection[Any]) -> None:
        """When keys were used, in one statement."""
        uses: dict[int, datetime] = {}
        while self._snapshot.uses:
            key_id, at = self._snapshot.uses.popleft()
            uses[key_id] = at
        if uses:
            connection.execute(NOTE_USES, {"ids": list(uses), "at": list(uses.values())})


def follow_in_background(conninfo: str, snapshot: Snapshot) -> Callable[[], None]:
    """Start a thread that follows; returns what stops it."""
    follower = Follower(conninfo, snapshot)
    threading.Thread(target=follower.follow, name="follower", daemon=True).start()
    return follower.stop
