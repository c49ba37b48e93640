from collections.abc import Sequence
from typing import Any

from allocation.usage.documents import UsageMapping
from allocation.usage.importers.mapped_rows import MappedReader
from tests.allocation.usage.importers.mappings_of_fields import mapping_of

GROUPED = {"id": {"all_but": ["status", "*_name"]}, "tokens.input": {"column": "in"}, "requests": {"column": "n"}}


def read(mapping: UsageMapping, rows: Sequence[dict[str, Any]]) -> list[str]:
    """The ids of the events, and the codes of what is refused."""
    incoming = MappedReader(mapping, file_name="log.csv").read(list(enumerate(rows)))
    return [event.id for event in incoming.events] + [record.fault.code for record in incoming.refused]


def row(**changed: Any) -> dict[str, Any]:
    return {"day": "2026-11-20", "project": "a", "in": "10", "n": "2", **changed}


def test_every_column_that_is_no_quantity_tells_rows_apart() -> None:
    rows = [row(), row(project="b"), row(key="k1"), row(key="k2"), row(new_dimension="x")]
    assert len(set(read(mapping_of(GROUPED), rows))) == 5


def test_what_a_row_counts_and_what_is_left_out_do_not() -> None:
    first, grown, renamed = (
        read(mapping_of(GROUPED), [each])
        for each in (row(), row(**{"in": "9999", "n": "7"}), row(status="archived", project_name="Search"))
    )
    assert first == grown == renamed


def test_an_empty_cell_is_an_absent_column_and_the_order_of_columns_is_nothing() -> None:
    mapping = mapping_of(GROUPED)
    turned = dict(reversed(row(user="").items()))
    assert read(mapping, [row()]) == read(mapping, [turned]) == read(mapping, [row(user=None)])


def test_a_value_is_the_same_in_csv_json_and_parquet() -> None:
    mapping = mapping_of(GROUPED)
    assert read(mapping, [row(batch="False", start="1795")]) == read(mapping, [row(batch=False, start=1795.0)])


def test_rows_alike_within_a_file_are_several_and_the_file_again_is_the_same_ones() -> None:
    mapping = mapping_of(GROUPED)
    rows = [row(), row(), row(**{"in": "30"}), row(project="b")]
    first = read(mapping, rows)
    assert len(set(first)) == 4
    assert read(mapping, rows) == first
    assert set(first) < set(read(mapping, [*rows, row(project="c")]))


def test_the_fields_of_nested_records_tell_apart_but_for_their_quantities() -> None:
    fields = {
        "id": {"all_but": ["tools"]},
        "tokens.input": {"sum": ["cache.short", "cache.long"]},
    }
    mapping = mapping_of(fields, format="json", each=["data"])
    one = {"cache": {"short": 1, "long": 2}, "by": {"key": "a"}, "tools": {"web": 1}, "next_page": "p1"}
    same = {"cache": {"short": 5, "long": 0}, "by": {"key": "a"}, "tools": {"web": 9}, "next_page": "p2"}
    other = {**one, "by": {"key": "b"}}
    assert len(set(read(mapping, [one]) + read(mapping, [same]))) == 1
    assert len(set(read(mapping, [one, other]))) == 2


def test_a_text_that_is_translated_into_a_count_tells_apart() -> None:
    fields = {**GROUPED, "requests": {"column": "context", "values": {"short": "2", "long": "1"}}}
    assert len(set(read(mapping_of(fields), [row(context="short"), row(context="long")]))) == 2
    assert read(mapping_of(fields), [row(context="short")]) != read(mapping_of(fields), [row(context="long")])


STATED = {"id": {"columns": ["day", "project"]}, "tokens.input": {"column": "in"}}


def test_an_identity_of_columns_that_do_not_tell_rows_apart_loses_none() -> None:
    found = read(mapping_of(STATED), [row(), row(key="k2"), row(**{"in": "20"}), row(project="b")])
    assert found == ["2026-11-20-a", "2026-11-20-b", "identity_reused", "identity_reused"]


def test_the_same_row_again_is_no_other_row() -> None:
    assert read(mapping_of(STATED), [row(), row()]) == ["2026-11-20-a", "2026-11-20-a"]


def test_a_reused_identity_is_found_across_batches_and_can_be_counted_from_quarantine() -> None:
    reader = MappedReader(mapping_of(STATED), file_name="log.csv")
    reader.read([(0, row())])
    refused = reader.read([(1, row(key="k2"))]).refused[0]
    assert refused.fault.field == "id"
    assert "all_but" in refused.fault.message
    assert refused.payload is not None
    assert refused.payload["id"] != "2026-11-20-a"


def test_a_sender_whose_ids_are_used_once_may_write_a_call_as_several_rows() -> None:
    mapping = mapping_of(STATED, identity="id")
    assert read(mapping, [row(), row(part="2"), row(part="3")]) == ["2026-11-20-a"] * 3


def test_the_whole_row_is_an_identity_whatever_is_empty_in_it() -> None:
    mapping = mapping_of({"id": {"row": True}, "tokens.input": {"column": "in"}})
    assert read(mapping, [row(user=None)]) == read(mapping, [row()])
    assert read(mapping, [row(**{"in": "11"})]) != read(mapping, [row()])
