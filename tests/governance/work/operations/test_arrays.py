"""Array literals come out of PostgreSQL as what went in."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from governance.work.operations import nullable_array, number_array, text_array


def read(cast: str, literal: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{cast}[]", [literal])
        return list(cursor.fetchone()[0])


@pytest.mark.django_db
def test_texts_of_any_kind_come_back() -> None:
    texts = ["", "gpt-4o", "null", "NULL", "a,b", "{c}", 'say "x"', "back\\slash", " space ", "new\nline", "ü€😀", "'"]
    assert read("text", text_array(texts)) == texts
    assert read("text", text_array([])) == []


@pytest.mark.django_db
def test_numbers_and_days_come_back_and_none_is_null() -> None:
    assert read("bigint", nullable_array([0, -5, 2**62, None])) == [0, -5, 2**62, None]
    assert read("bigint", number_array([0, -5, 2**62])) == [0, -5, 2**62]
    amounts = [Decimal("0E-9"), Decimal("5E-9"), Decimal("-12.340000000"), Decimal("1E+3")]
    assert read("numeric", number_array(amounts)) == amounts
    assert read("date", number_array([date(2026, 2, 28)])) == [date(2026, 2, 28)]
    assert read("float8", number_array([1795478400.123456, 0.0])) == [1795478400.123456, 0.0]
