"""Every lock of the house is registered, numbered for good, and stands in docs/locks.md."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from allocation.billing_periods.operations import close_period
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from governance.work.engine import locks
from governance.work.engine.locks import LOCKS, AdvisoryLock, Keyed
from policies.evaluation.operations import evaluate_next_dirty_scopes
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.corrections.corrected_prices import BOOK, rerate
from tests.allocation.prices.operations.test_price_books import apply_book

ROOT = Path(__file__).resolve().parents[2]


APPS = ("governance", "allocation", "budgets", "policies", "reporting", "config")


PAGE = (ROOT / "docs/locks.md").read_text()


REGISTRY, HOLDING = "governance/work/engine/locks.py", "governance/work/operations/locks.py"


NAMES = {lock.name for lock in LOCKS}


ASKED = re.compile(r"pg_(?:try_)?advisory")


ROWS = re.compile(
    r"select_for_update\(|FOR (?:NO KEY )?UPDATE\b|FOR (?:KEY )?SHARE\b|LOCK TABLE|weir_hold|weir_make_week|DO UPDATE"
)


# Two versions of Weir may run on one database: a number that changed would guard nothing between them.
NUMBERS = {
    "INSTALL_LOCK": 7_310_579_811_364,
    "IDEMPOTENCY_LOCK": 0,
    "EVALUATION_LOCK": 0x57455650,
    "DETECTION_LOCK": 8_201_128,
    "CORRECTIONS_LOCK": 8_201_129,
    "ENDPOINT_LOCK": 0x45_4E44_504F_494E,
    "PARTITION_LOCK": 8_201_127,
    "PERIOD_LOCK": 8_201_128,
    "SPANS_LOCK": 8_201_130,
    "POSTING_LOCK": 0x57454952_0002,
    "APPLY_LOCK": 0x57455651,
    "CHAIN_LOCK": 0x57454952_0001,
}


def trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
    }


def texts(node: ast.AST) -> str:
    return "\n".join(
        each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def registered(node: ast.AST) -> bool:
    return any(
        isinstance(each, ast.Attribute)
        and each.attr == "number"
        and isinstance(each.value, ast.Name)
        and each.value.id in NAMES
        for each in ast.walk(node)
    )


def unregistered(tree: ast.Module) -> list[int]:
    """Lines where PostgreSQL is asked for an advisory lock without the number of a registered one."""
    simple = (ast.Assign, ast.AnnAssign, ast.Expr, ast.Return)
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, simple) and ASKED.search(texts(node)) and not registered(node)
    ]


TAKING = {"hold", "hold_if_free"}


def held(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TAKING:
            yield ast.unparse(node.args[0])


def test_the_registry_is_whole_and_no_number_ever_changes() -> None:
    declared = {name: each for name, each in vars(locks).items() if isinstance(each, AdvisoryLock)}
    assert declared == {lock.name: lock for lock in LOCKS}
    assert {lock.name: lock.number for lock in LOCKS} == NUMBERS


def test_nobody_asks_for_an_advisory_lock_that_is_not_registered() -> None:
    asked = {path: unregistered(tree) for path, tree in trees().items() if path not in {REGISTRY, HOLDING}}
    assert {path: lines for path, lines in asked.items() if lines} == {}
    taken = {path: set(held(tree)) for path, tree in trees().items()}
    assert {path: names for path, names in taken.items() if names - NAMES} == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('cursor.execute("SELECT pg_advisory_xact_lock(%s)", [17])', [1]),
        ('cursor.execute("SELECT pg_try_advisory_lock(%s)", [MY_LOCK])', [1]),
        ('SQL = "SELECT pg_advisory_xact_lock(17)"', [1]),
        ('cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PERIOD_LOCK.number])', []),
        ('SQL = f"PERFORM pg_advisory_xact_lock({CHAIN_LOCK.number});"', []),
        ('SQL = f"PERFORM pg_advisory_xact_lock({MY_LOCK.number});"', [1]),
    ],
)
def test_an_unregistered_lock_is_seen(source: str, lines: list[int]) -> None:
    assert unregistered(ast.parse(source)) == lines


def test_the_page_shows_the_registry() -> None:
    found = trees()
    imported = {
        lock.name: [
            path
            for path, tree in found.items()
            if any(
                alias.name == lock.name
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            )
        ]
        for lock in LOCKS
    }
    wanted = [
        f"| `{lock.name}` | {lock.number:#x} | {lock.keyed.value} | {lock.taken_by} |"
        f" {', '.join(f'`{path}`' for path in imported[lock.name])} |"
        for lock in LOCKS
    ]
    assert [line for line in PAGE.splitlines() if re.match(r"\| `\w+_LOCK`", line)] == wanted


def test_the_page_names_every_module_that_locks_rows() -> None:
    rows = PAGE.partition("## Rows locked on purpose")[2]
    named = {path for line in rows.splitlines() for path in re.findall(r"`([\w/]+\.py)`", line)}
    assert named == {path for path in trees() if ROWS.search((ROOT / path).read_text())}
    assert re.findall(r"^\| (\d+) \|", rows, re.MULTILINE) == sorted(
        re.findall(r"^\| (\d+) \|", rows, re.MULTILINE), key=int
    )


# --- taken in that order ---------------------------------------------------------------------------------------


def taken(queries: CaptureQueriesContext) -> list[str]:
    """Locks in the order in which they were first taken."""
    found = []
    for query in queries.captured_queries:
        sql = query["sql"]
        if 'INSERT INTO "governance_decisionrecord"' in sql:
            found.append("CHAIN_LOCK")
        elif match := re.search(r"pg_advisory_xact_lock(?:_shared)?\((\d+)(, \d+)?\)", sql):
            number = int(match[1])
            found += [
                lock.name
                for lock in LOCKS
                if (number == lock.number and (match[2] is not None) == (lock.keyed is Keyed.BY_NUMBER_AND_ID))
                or (lock.keyed is Keyed.BY_NUMBER_ABOVE_ID and number >> 32 == lock.number)
            ]
    return list(dict.fromkeys(found))


def test_usage_is_written_in_order(acme: Scope, search: Scope) -> None:
    with CaptureQueriesContext(connection) as queries:
        record_usage(events=[event()], key_scope_id=acme.pk, at=AT)
    assert [name for name in taken(queries) if name != "PARTITION_LOCK"] == ["PERIOD_LOCK", "POSTING_LOCK"]


def test_corrections_are_written_in_order(acme: Scope, search: Scope) -> None:
    record_usage(events=[event()], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.format(price="3"))
    with CaptureQueriesContext(connection) as queries:
        rerate(acme)
    # The decision to correct commits before the first correction.
    assert taken(queries) == ["CHAIN_LOCK", "CORRECTIONS_LOCK", "PERIOD_LOCK", "POSTING_LOCK"]


def test_a_period_is_closed_in_order(acme: Scope) -> None:
    with CaptureQueriesContext(connection) as queries:
        close_period(organisation=acme, month=date(2026, 9, 1), reason="As agreed.", actor=SYSTEM, at=AT)
    assert taken(queries) == ["PERIOD_LOCK", "CHAIN_LOCK"]


def test_an_evaluation_takes_its_organisation_first(acme: Scope, search: Scope) -> None:
    record_usage(events=[event()], key_scope_id=acme.pk, at=AT)
    with CaptureQueriesContext(connection) as queries:
        evaluate_next_dirty_scopes(at=AT)
    assert taken(queries) == ["EVALUATION_LOCK"]
