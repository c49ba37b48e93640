"""Whoever books usage locks what batches share in one and the same order."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from governance.work.engine.locks import POSTING_LOCK
from tests.allocation.conftest import AT, event
from tests.allocation.corrections.corrected_prices import BOOK, rerate
from tests.allocation.prices.operations.test_price_books import apply_book

ROOT = Path(__file__).resolve().parents[4]
LEDGER = f"pg_advisory_xact_lock_shared({POSTING_LOCK.number})"
# A statement may write several tables: what is written after the others stands after them.
WRITTEN = re.compile(rf'(?:INSERT INTO\s+"?|UPDATE\s+"?|SELECT )({re.escape(LEDGER)}|\w+)', re.IGNORECASE)
SHARED = (
    LEDGER, "allocation_task", "allocation_taskday", "allocation_usageminute", "allocation_usagehour",
    "allocation_usageday", "allocation_usagecharge", "allocation_ingestwatermark", "governance_dirtyscope",
)  # fmt: skip
OF_CORRECTIONS = tuple(table for table in SHARED if table != "allocation_ingestwatermark")


def written(queries: CaptureQueriesContext) -> list[str]:
    """What is shared, in the order in which it is first written; the ledger is known by the lock taken for it."""
    found = (name for query in queries.captured_queries for name in WRITTEN.findall(query["sql"]))
    return list(dict.fromkeys(name for name in found if name in SHARED))


def test_usage_books_in_order(acme: Scope, search: Scope) -> None:
    with CaptureQueriesContext(connection) as queries:
        record_usage(events=[event(task_id="t")], key_scope_id=acme.pk, at=AT)
    assert written(queries) == list(SHARED)


def test_a_repeated_batch_only_shows_that_the_feed_is_alive(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(id="1", task_id="t")], key_scope_id=acme.pk, at=AT)
    with CaptureQueriesContext(connection) as queries:
        record_usage(events=[event(id="1", task_id="t")], key_scope_id=acme.pk, at=AT)
    # The ledger's lock is asked for with the record, before it is known whether that is new; nothing is charged.
    assert written(queries) == [LEDGER, "allocation_ingestwatermark"]
    assert not any("budgets_transfer" in query["sql"] for query in queries.captured_queries)


def test_corrections_book_in_the_same_order(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(task_id="t")], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.format(price="3"))
    with CaptureQueriesContext(connection) as queries:
        rerate(acme)
    assert written(queries) == list(OF_CORRECTIONS)


def called(paths: Iterable[Path]) -> dict[str, set[str]]:
    """Which modules call what, by the function's name."""
    found: dict[str, set[str]] = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found.setdefault(node.func.id, set()).add(path.relative_to(ROOT).as_posix())
    return found


def test_the_order_stands_in_one_place() -> None:
    calls = called((ROOT / "allocation").rglob("*.py"))
    for name in ("roll_up", "roll_up_calls", "add_charges"):
        assert calls[name] == {"allocation/usage/operations/roll_ups.py"}, name
    assert calls["add_up"] == {"allocation/usage/operations/booking.py", "allocation/usage/operations/folding.py"}
    assert calls["post_to_ledger"] == {
        "allocation/usage/operations/booking.py",
        "allocation/usage/operations/ingest.py",
    }
