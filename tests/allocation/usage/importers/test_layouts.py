from typing import Any

import pytest

from allocation.usage.importers.layouts import needed_columns
from allocation.usage.importers.mapped_rows import MappedReader
from governance.errors import Invalid
from tests.allocation.usage.importers.mappings_of_fields import mapping_of


@pytest.mark.parametrize(
    ("field", "spec", "of_a_table", "of_json"),
    [
        ("tokens.input", {"column": "a"}, [("a",)], [("a",)]),
        ("tokens.input", {"column": "a", "default": 0}, [], []),
        ("tokens.input", {"column": "a", "optional": True}, [], []),
        ("attributes.team", {"column": "a"}, [], []),
        ("latency_ms", {"column": "a"}, [], []),
        ("tokens.input", {"sum": ["a", "b"]}, [("a",), ("b",)], [("a", "b")]),
        ("tokens.input", {"sum": ["a", {"column": "b", "default": 0}]}, [("a",)], []),
        ("cost", {"product": ["a", "b"]}, [("a",), ("b",)], [("a",), ("b",)]),
        ("cost", {"difference": ["a", {"constant": 1}]}, [("a",)], [("a",)]),
        ("model", {"first": [{"column": "a"}, {"column": "b"}]}, [("a", "b")], [("a", "b")]),
        ("model", {"first": [{"column": "a"}, {"constant": "x"}]}, [], []),
        ("id", {"columns": ["a", "b"]}, [("a",), ("b",)], [("a", "b")]),
        ("id", {"all_but": ["a"]}, [], []),
        ("scope", {"choose": ["x", "y"], "by_column": "a"}, [("a",)], [("a",)]),
        ("tokens.cached_input", {"prefix_blocks": "a", "block_tokens": 1}, [("a",)], [("a",)]),
    ],
)
def test_what_a_file_must_have(field: str, spec: Any, of_a_table: object, of_json: object) -> None:
    mapping = mapping_of({field: spec})
    assert list(needed_columns(mapping, tabular=True)) == of_a_table
    assert list(needed_columns(mapping, tabular=False)) == of_json


def test_conditions_and_a_pivot_need_their_columns() -> None:
    mapping = mapping_of(
        {"tokens.input": {"column": "in.amount"}},
        only_when={"kind": ["call"]},
        skip_when={"n": ["0"]},
        pivot={"names": {"column": "meter", "after": " "}, "sums": ["amount"], "by": ["id"]},
    )
    assert list(needed_columns(mapping, tabular=True)) == [("kind",), ("n",), ("meter",), ("amount",), ("id",)]


JSON = mapping_of(
    {"tokens.input": {"column": "usage.in"}}, format="jsonl", only_when={"type": ["call"]}, skip_when={"usage.n": ["0"]}
)


def reader() -> MappedReader:
    return MappedReader(JSON, file_name="log.jsonl")


def test_records_of_another_layout_are_refused_by_what_none_of_them_has() -> None:
    with pytest.raises(Invalid, match=r"^log\.jsonl lacks columns that the mapping needs: type, usage\.n\.") as refused:
        reader().read([(0, {"kind": "call"}), (1, {"kind": "call"})])
    assert refused.value.code == "csv_column"
    with pytest.raises(Invalid, match=r"lacks the column that the mapping needs: usage\.in\. .* Its columns are type"):
        reader().read([(0, {"type": "call", "usage": {"n": 1}})])


def test_one_record_with_the_column_is_enough_and_an_empty_one_is_there() -> None:
    rows = [{"type": "call", "usage": {"n": 1}}, {"type": "call", "usage": {"n": 2, "in": None}}]
    assert len(reader().read(list(enumerate(rows))).events) == 2


def test_records_that_the_mapping_is_not_for_are_not_judged() -> None:
    found = reader()
    assert found.read([(0, {"type": "start", "usage": {"n": None}})]).passed_over == 1
    with pytest.raises(Invalid, match=r"usage\.in"):
        found.read([(1, {"type": "call"})])


def test_later_records_may_lack_what_the_first_had() -> None:
    found = reader()
    found.read([(0, {"type": "call", "usage": {"n": 1, "in": 5}})])
    assert len(found.read([(1, {"type": "call"})]).events) == 1
