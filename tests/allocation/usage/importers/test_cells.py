from typing import Any

import pytest

from allocation.usage.importers.cells import every_at, has_column, one_of
from tests.allocation.usage.importers.mappings_of_fields import read_field

NO_NUMBER = (
    "invalid_value",
    (
        "cost is read from the column c, which holds no number. Where its numbers have a decimal comma, thousands"
        ' separators or a sign of a currency, say so in the mapping (decimal: ",", thousands: ".", strip: "€").'
    ),
)


@pytest.mark.parametrize(
    ("cell", "how", "number"),
    [
        ("0.0123", {}, "0.0123"),
        ("1.2e-05", {}, "0.000012"),
        (0.1, {}, "0.1"),
        ("0,0123", {}, NO_NUMBER),
        ("0,0123", {"decimal": ","}, "0.0123"),
        ("1.234,5", {"decimal": ",", "thousands": "."}, "1234.5"),
        ("1\u202f234\u202f567,5", {"decimal": ",", "thousands": "\u202f"}, "1234567.5"),
        ("1,234.50", {"thousands": ","}, "1234.50"),
        ("1234.50", {"thousands": ","}, "1234.50"),
        # 1.5 in a file that writes 1.500 for fifteen hundred is no number, and not 15.
        ("1.5", {"decimal": ",", "thousands": "."}, NO_NUMBER),
        ("12,34", {"thousands": ","}, NO_NUMBER),
        ("$1.50", {}, NO_NUMBER),
        ("$1.50", {"strip": "$"}, "1.50"),
        ("1,50 €", {"strip": " €", "decimal": ","}, "1.50"),
        ("1_000", {}, NO_NUMBER),
        ("-2,5", {"decimal": ","}, "-2.5"),
        ("12", {"scale": "0.01"}, "0.12"),
        ("NaN", {}, NO_NUMBER),
        ("1e999999", {}, NO_NUMBER),
    ],
)
def test_a_number_is_read_as_the_mapping_says_it_is_written(cell: object, how: dict[str, str], number: object) -> None:
    assert read_field("cost", {"column": "c", **how}, {"c": cell}) == number


def test_the_mapping_says_it_once_for_all_its_columns() -> None:
    row = {"tokens": "1.234", "price": "0,5"}
    settings = {"decimal": ",", "thousands": "."}
    assert read_field("tokens.input", {"column": "tokens"}, row, **settings) == 1234
    assert read_field("cost", {"product": ["tokens", "price"]}, row, **settings) == "617.00"
    assert read_field("tokens.input", {"column": "tokens"}, {"tokens": 1234}, **settings) == 1234


def test_a_count_is_whole() -> None:
    assert read_field("tokens.input", {"column": "k", "scale": 1000}, {"k": "1.5"}) == 1500
    code, message = read_field("tokens.input", {"column": "k", "scale": 1000}, {"k": "0.0001"})
    assert (code, message) == (
        "invalid_value",
        (
            "tokens.input is read from the column k, which comes to no whole number; say what it is counted in"
            " (scale: 1000 for thousands)."
        ),
    )


@pytest.mark.parametrize(
    ("cell", "how", "at"),
    [
        ("2026-07-01 12:00", {"zone": "Europe/Berlin"}, "2026-07-01T12:00:00+02:00"),
        ("2026-12-01 12:00", {"zone": "Europe/Berlin"}, "2026-12-01T12:00:00+01:00"),
        ("2026-12-01", {"zone": "Asia/Kolkata"}, "2026-12-01T00:00:00+05:30"),
        # What names its own zone keeps it.
        ("2026-12-01T12:00:00Z", {"zone": "Europe/Berlin"}, "2026-12-01T12:00:00Z"),
        ("2026-12-01 12:00:00 UTC", {"zone": "Europe/Berlin"}, "2026-12-01T12:00:00+00:00"),
        # The hour that comes twice is the first of the two.
        ("2026-10-25 02:30", {"zone": "Europe/Berlin"}, "2026-10-25T02:30:00+02:00"),
        ("20.11.2026 14:05", {"format": "%d.%m.%Y %H:%M", "zone": "Europe/Paris"}, "2026-11-20T14:05:00+01:00"),
        ("11/20/2026 02:05 PM", {"format": "%m/%d/%Y %I:%M %p", "assume_utc": True}, "2026-11-20T14:05:00+00:00"),
        ("20/Nov/2026:14:05:00 +0900", {"format": "%d/%b/%Y:%H:%M:%S %z"}, "2026-11-20T14:05:00+09:00"),
        ("1763647500", {"unit": "s"}, "2025-11-20T14:05:00+00:00"),
    ],
)
def test_a_time_is_read_as_the_mapping_says_it_is_written(cell: str, how: dict[str, Any], at: str) -> None:
    assert read_field("occurred_at", {"column": "t", **how}, {"t": cell}) == at


@pytest.mark.parametrize(
    ("cell", "how", "code", "fix"),
    [
        ("20.11.2026", {"format": "%d.%m.%Y"}, "time_without_zone", "zone: Europe/Berlin"),
        ("2026-11-20", {"format": "%d.%m.%Y"}, "invalid_time", "not written as the mapping's format says"),
        ("20.11.2026", {"assume_utc": True}, "invalid_time", 'format: "%d.%m.%Y %H:%M"'),
        ("yesterday", {"unit": "s"}, "invalid_value", "holds no number"),
        ("9" * 30, {"unit": "s"}, "invalid_time", "no calendar"),
    ],
)
def test_a_time_that_cannot_be_read_says_how_to_mend_the_mapping(
    cell: str, how: dict[str, Any], code: str, fix: str
) -> None:
    found = read_field("occurred_at", {"column": "t", **how}, {"t": cell})
    assert (found[0], fix in found[1]) == (code, True)
    assert found[1].startswith("occurred_at is read from the column t, which")
    assert cell not in found[1]


@pytest.mark.parametrize(
    ("cell", "how", "text"),
    [
        ("openai/gpt-4o", {"before": "/"}, "openai"),
        ("together/meta-llama/Llama-3-70b", {"before": "/"}, "together"),
        ("together/meta-llama/Llama-3-70b", {"after_first": "/"}, "meta-llama/Llama-3-70b"),
        ("together/meta-llama/Llama-3-70b", {"after": "/"}, "Llama-3-70b"),
        ("gpt-4o", {"before": "/", "default": "openai"}, "openai"),
        ("gpt-4o", {"after_first": "/"}, "gpt-4o"),
        ("chat-prod-eu", {"values": {"chat-prod-*": "gpt-4o", "*": "other"}}, "gpt-4o"),
        ("chat-prod-eu", {"values": {"chat-prod-*": "gpt-4o", "chat-prod-eu": "gpt-5"}}, "gpt-5"),
        ("chat.prod", {"values": {"chat?prod": "gpt-4o"}}, "chat.prod"),
        ("chat", {"values": {"emb": "text-embedding-3-small"}}, "chat"),
        ("chat", {"values": {"emb": "text-embedding-3-small"}, "only_listed": True}, None),
        ("chat", {"values": {"emb": "x"}, "only_listed": True, "default": "unknown"}, "unknown"),
        ("", {"values": {"*": "error"}, "default": "success"}, "success"),
    ],
)
def test_a_name_is_cut_and_translated(cell: str, how: dict[str, Any], text: str | None) -> None:
    assert read_field("operation", {"column": "name", **how}, {"name": cell}) == text


def test_a_condition_knows_zeros_and_patterns() -> None:
    holds = one_of(["", "0", "Vertex*"])
    cells = ["", "0", "0.0", "0.00", "-0", "0E-9", "Vertex AI", "1", "0.1", "x", "AI on Vertex", "."]
    assert [cell for cell in cells if holds(cell)] == ["", "0", "0.0", "0.00", "-0", "0E-9", "Vertex AI"]
    assert [cell for cell in cells if one_of(["1"])(cell)] == ["1"]


def test_a_column_that_is_empty_is_there() -> None:
    row = {"a": None, "b.c": 1, "d": {"e": None}, "f": [{"g": 1}]}
    assert [has_column(row, path) for path in ("a", "b.c", "d.e", "b", "d.x", "a.x", "f.g")] == [
        True, True, True, False, False, False, False,
    ]  # fmt: skip


def test_of_a_list_every_item_is_found() -> None:
    assert every_at({"credits": [{"amount": -1}, {"amount": -2}, {}]}, "credits.amount") == [-1, -2, None]
    assert every_at({"credits": []}, "credits.amount") == []
    assert every_at({"credits.amount": 3, "credits": 1}, "credits.amount") == 3
    assert every_at({"credits": 1}, "credits.amount") is None
