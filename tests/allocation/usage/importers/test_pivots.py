from typing import Any

from allocation.usage.documents import UsageMapping
from allocation.usage.importers.mapped_rows import MappedReader
from allocation.usage.importers.pivots import pivoted
from tests.allocation.usage.importers.mappings_of_fields import mapping_of

FIELDS = {
    "id": {"all_but": []},
    "model": {"column": "item", "before": ", "},
    "tokens.input": {"sum": ["input.quantity", "cached input.quantity"]},
    "tokens.cached_input": {"column": "cached input.quantity", "default": 0},
    "tokens.output": {"column": "output.quantity", "default": 0},
    "cost": {"column": "paid"},
}
PIVOT: dict[str, Any] = {"names": {"column": "item", "after": ", "}, "sums": ["quantity", "paid"], "ignore": ["search"]}


def row(item: str, quantity: object, paid: str, **more: object) -> dict[str, object]:
    return {"day": "2026-11-20", "item": item, "quantity": quantity, "paid": paid, **more}


def mapping(**changed: Any) -> UsageMapping:
    return mapping_of(FIELDS, pivot={**PIVOT, **changed}, skip_when={"quantity": ["", "0"]})


def read(rows: list[Any], **changed: Any) -> tuple[list[tuple[Any, ...]], list[str], int]:
    found = mapping(**changed)
    records = list(enumerate(pivoted(iter(rows), found.pivot or Any, found)))
    incoming = MappedReader(found, file_name="long.csv").read(records)
    events = [
        (event.model, event.tokens.input, event.tokens.cached_input, event.tokens.output, str(event.cost))
        for event in incoming.events
    ]
    return events, [record.fault.code for record in incoming.refused], incoming.passed_over


LONG = [
    row("gpt-5, input", "100", "0.50"),
    row("gpt-5-mini, input", "7", "0.07"),
    row("gpt-5, output", 20, "0.25"),
    row("gpt-5, cached input", "50", "0.05"),
    row("gpt-5, input", "1", "0.005"),
    row("gpt-5, search", "3", "0.03"),
    row("gpt-5, output", "0", "0"),
]


def test_rows_of_one_quantity_are_one_record_of_all() -> None:
    wanted = [("gpt-5", 151, 50, 20, "0.835"), ("gpt-5-mini", 7, 0, 0, "0.07")]
    assert read(LONG) == (wanted, [], 1)
    assert read(list(reversed(LONG)))[0] == wanted


def test_other_columns_keep_records_apart_unless_left_out() -> None:
    rows = [row("gpt-5, input", "1", "1", key="a", unit="t"), row("gpt-5, output", "2", "2", key="b", unit="u")]
    assert len(read(rows)[0]) == 2
    assert read(rows, all_but=["key", "unit"])[0] == [("gpt-5", 1, 0, 2, "3")]
    assert read(rows, by=["day"])[0] == [("gpt-5", 1, 0, 2, "3")]


def test_a_quantity_that_the_mapping_reads_nowhere_is_not_lost_in_silence() -> None:
    assert read([*LONG, row("gpt-5, audio input", "9", "9")]) == (
        [("gpt-5-mini", 7, 0, 0, "0.07")], ["unknown_value"], 1,
    )  # fmt: skip


def test_a_quantity_that_cannot_be_read_refuses_its_record() -> None:
    assert read([*LONG, row("gpt-5, output", "many", "1")])[1] == ["invalid_value"]


def test_records_are_told_apart_by_what_they_are_of_not_by_their_quantities() -> None:
    found = mapping()

    def ids(rows: list[dict[str, object]]) -> list[str]:
        records = list(enumerate(pivoted(iter(rows), found.pivot or Any, found)))
        return [event.id for event in MappedReader(found, file_name="long.csv").read(records).events]

    grown = [row("gpt-5, output", "99", "9"), row("gpt-5, input", "1", "1")]
    assert len(set(ids(LONG))) == 2
    assert ids(grown) == ids(LONG)[:1]


def test_what_is_no_row_is_passed_on_to_be_refused() -> None:
    assert read([7, *LONG])[1] == ["not_an_object"]
