from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from governance.statements.operations import one_message


@pytest.mark.django_db
def test_each_statement_sees_what_those_before_it_did() -> None:
    with one_message() as message:
        message.ask("CREATE TEMPORARY TABLE noted (id bigint PRIMARY KEY) ON COMMIT DROP")
        message.ask("INSERT INTO noted VALUES (%s::bigint), (%s::bigint)", [1, 2])
        found = message.ask("SELECT id FROM noted ORDER BY id")
    assert found.rows() == [(1,), (2,)]


def insert_in_one_message(*numbers: int) -> None:
    with transaction.atomic(), one_message() as message:
        for number in numbers:
            message.ask("INSERT INTO noted VALUES (%s::bigint)", [number])


@pytest.mark.django_db(transaction=True)
def test_the_first_that_fails_is_raised_as_django_does_and_nothing_after_it_is_done() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE noted (id bigint PRIMARY KEY)")
    try:
        with pytest.raises(IntegrityError):
            insert_in_one_message(1, 1, 2)
        with one_message() as message:
            found = message.ask("SELECT count(*) FROM noted")
        assert found.rows() == [(0,)], "and the connection goes on"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE noted")


@pytest.mark.django_db
def test_what_is_asked_is_prepared_and_nothing_else() -> None:
    with one_message() as message:
        message.ask("SELECT %s::bigint + 41", [1])
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::bigint + 42", [1])
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::bigint + 4%'")
        assert cursor.fetchall() == [("SELECT $1::bigint + 41",)]


@pytest.mark.django_db
def test_behind_a_pooler_that_keeps_nothing_nothing_is_prepared(settings: Any) -> None:
    settings.DATABASE_PREPARES = False
    with one_message() as message:
        found = message.ask("SELECT %s::bigint + 43", [1])
    assert found.rows() == [(44,)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::bigint + 43%'")
        assert cursor.fetchall() == [(0,)]


@pytest.mark.django_db
def test_whoever_watches_queries_sees_them() -> None:
    seen: list[Any] = []

    def watching(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watching), CaptureQueriesContext(connection) as captured, one_message() as message:
        message.ask("SELECT %s::bigint", [7])
    assert seen == [("SELECT %s::bigint", [7])]
    assert [query["sql"] for query in captured] == ["SELECT 7::bigint"]


@pytest.mark.django_db
def test_in_a_broken_transaction_it_says_so() -> None:
    connection.needs_rollback = True
    try:
        with pytest.raises(transaction.TransactionManagementError), one_message():
            pass
    finally:
        connection.needs_rollback = False
    with pytest.raises(DatabaseError), transaction.atomic(), one_message() as message:
        message.ask("SELECT 1/0")


def write_in_several_messages(*, fails: bool) -> None:
    with transaction.atomic():
        with one_message() as message:
            message.ask("INSERT INTO noted VALUES (%s::bigint)", [1])
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO noted VALUES (2)")
        with one_message() as message:
            message.ask("INSERT INTO noted VALUES (%s::bigint)", [3])
        if fails:
            raise ValueError("fails")


@pytest.mark.django_db(transaction=True)
def test_the_first_message_of_a_transaction_begins_it_and_what_follows_is_in_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE noted (id bigint PRIMARY KEY)")
    try:
        with pytest.raises(ValueError, match="fails"):
            write_in_several_messages(fails=True)
        with one_message() as message:
            found = message.ask("SELECT count(*) FROM noted")
        assert found.rows() == [(0,)]
        write_in_several_messages(fails=False)
        connection.rollback()
        with one_message() as message:
            found = message.ask("SELECT id FROM noted ORDER BY id")
        assert found.rows() == [(1,), (2,), (3,)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE noted")
