"""One PostgreSQL for the whole run: the one DATABASE_URL names, or the embedded one in a folder of its own.

The embedded one starts with the first test that needs it; what only computes runs without.
"""

import base64
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.backends.signals import connection_created
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from config.databases import APPLICATION
from config.embedded import EmbeddedPostgres
from config.folders import DataFolder
from config.settings import database
from governance.statements import operations as prepared
from tests.database_owner import become_application

if TYPE_CHECKING:
    from governance.scopes.models import Scope

TEST_FOLDER = "WEIR_TEST_FOLDER"


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder once, before pytest-xdist's workers are started with this environment."""
    settings.SECRET_KEY = "tests-only"
    settings.SECRET_KEY_IS_MADE_UP = False
    settings.WEIR_SECRET_KEYS = [base64.b64encode(bytes(range(32))).decode()]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Nudges go to a broker that forgets: tests call the tasks themselves.
    settings.CELERY_BROKER_URL = "memory://"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {}
    # The fixtures below make the database; who migrates and who is tested are roles of one session.
    settings.OWNER_DATABASE = None
    # What a test posts is in the sums at once; tests of the fold, and those that start Weir, leave it to the fold.
    settings.USAGE_FOLDED_IN_REQUEST = True
    DatabaseOperations.execute_sql_flush = _flush_past_triggers  # type: ignore[method-assign]
    if TEST_FOLDER not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="weir-tests-"))
        folder.chmod(0o755)
        os.environ[TEST_FOLDER] = str(folder)
        config.add_cleanup(lambda: _forget(folder))
    settings.STATIC_ROOT = Path(os.environ[TEST_FOLDER]) / "static"
    settings.STATIC_ROOT.mkdir(exist_ok=True)


def _flush_past_triggers(operations: DatabaseOperations, sql_list: Sequence[str]) -> None:
    """Emptying the tables between tests with threads is not what append-only tables are to refuse."""
    with transaction.atomic(), operations.connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE; SET LOCAL session_replication_role = replica")
        for statement in sql_list:
            cursor.execute(statement)


FAST = "--fast"
CASES_OF_A_FILE = 2


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        FAST, action="store_true",
        help="what needs no database, and of each file that does its first two tests; no slow and no long ones",
    )  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first, so that every worker has something to do until the end."""
    items.sort(key=lambda item: (not item.get_closest_marker("slow"), not item.get_closest_marker("long")))
    if config.getoption(FAST):
        kept = _fast(items)
        chosen = set(kept)
        left_out = [item for item in items if item not in chosen]
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _fast(items: list[pytest.Item]) -> list[pytest.Item]:
    kept: list[pytest.Item] = []
    tests_of: dict[Path, set[str]] = {}
    for item in items:
        if item.get_closest_marker("slow") or item.get_closest_marker("long"):
            continue
        if not _needs_database(item):
            kept.append(item)
            continue
        function, tests = item.nodeid.partition("[")[0], tests_of.setdefault(item.path, set())
        if len(tests) < CASES_OF_A_FILE and function not in tests:
            tests.add(function)
            kept.append(item)
    return kept


def _needs_database(item: pytest.Item) -> bool:
    asked = set(getattr(item, "fixturenames", ()))
    of_class = issubclass(getattr(item, "cls", None) or object, TransactionTestCase)
    return of_class or bool(asked & {"db", "transactional_db"}) or item.get_closest_marker("django_db") is not None


@pytest.fixture(autouse=True)
def _no_scope_tree_of_another_test() -> None:
    """Imported late: Django is not set up when pytest reads this file."""
    from governance.scopes.queries import forget_scope_tree

    forget_scope_tree()


def _forget(folder: Path) -> None:
    EmbeddedPostgres(DataFolder(folder)).stop()
    shutil.rmtree(folder)
    os.environ.pop(TEST_FOLDER)


@pytest.fixture(scope="session")
def database_url() -> str:
    """An administrator's URL of the PostgreSQL that this run uses."""
    if url := os.environ.get("DATABASE_URL"):
        return url
    server = EmbeddedPostgres(DataFolder(Path(os.environ[TEST_FOLDER])), durable=False)
    server.start(say=lambda _sentence: None)
    return server.url


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_url: str, django_db_modify_db_settings_parallel_suffix: None) -> None:
    chosen = database(database_url)
    for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS"):
        connections["default"].settings_dict[name] = chosen[name]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Once the owner has made the tables, everything runs as the application, as in an installation; `as_owner` of
    tests/database_owner.py is for what tests themselves do to tables.
    """
    from config.roles import grant

    with django_db_blocker.unblock():
        with connections["default"].cursor() as cursor, suppress(DatabaseError):  # another process has just made it
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [APPLICATION])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE ROLE {APPLICATION} LOGIN")
        grant(APPLICATION)
        become_application(connection=connections["default"])
        connection_created.connect(become_application)
    yield
    # The owner drops it.
    connection_created.disconnect(become_application)
    connections["default"].close()


@pytest.fixture(scope="module")
def kept_rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """What a module's own fixtures write once for all of its tests. Each test that asks for `db` beside it starts from
    these rows: what it changes is rolled back to them.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


# --- the organisation of most tests ---------------------------------------------------------------------------

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def acme(db: None) -> "Scope":
    return _scope("acme", "organisation")


@pytest.fixture
def search(acme: "Scope") -> "Scope":
    return _scope("search", "team", acme)


@pytest.fixture
def ranker(search: "Scope") -> "Scope":
    return _scope("ranker", "workload", search)


def _scope(slug: str, kind: str, parent: "Scope | None" = None) -> "Scope":
    """The apps are imported here because this file is read before Django is set up."""
    from governance.organisations.operations import create_scope
    from governance.people.rules import Actor

    return create_scope(slug=slug, kind=kind, parent=parent, actor=Actor.system(), at=AT)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The statements of each message that goes to PostgreSQL from here on (governance/statements/operations.py)."""
    noted: list[list[str]] = []

    class Noted(prepared.Message):
        def __init__(self) -> None:
            self.statements: list[str] = []
            noted.append(self.statements)

        def ask(self, statement: str, parameters: Sequence[Any] = ()) -> prepared.Asked:
            self.statements.append(statement)
            return super().ask(statement, parameters)

    monkeypatch.setattr(prepared, "Message", Noted)
    return noted
