"""What a file holds, and that a mapping for another export takes none of it."""

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from allocation.usage.documents import UsageMapping
from allocation.usage.importers.contents import opened
from allocation.usage.importers.files import SHIPPED, load_mapping, shipped_for
from allocation.usage.importers.incoming import Incoming, MalformedBody
from allocation.usage.importers.mapped_rows import MappedReader
from governance.errors import Invalid
from tests.allocation.usage.importers.exports import FILES
from tests.allocation.usage.importers.mappings_of_fields import mapping_of

MAPPINGS = {path.stem: load_mapping(path) for path in SHIPPED.glob("*.yaml")}


def read(path: Path, mapping: UsageMapping) -> Incoming:
    reader = MappedReader(mapping, file_name=path.name)
    with opened(path, mapping) as (records, _position):
        return reader.read(list(islice(records, 100)))


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_other_mapping_takes_an_export(name: str) -> None:
    assert read(FILES[name], MAPPINGS[name]).events
    taken = []
    for other, mapping in MAPPINGS.items():
        try:
            incoming = read(FILES[name], mapping)
        except (Invalid, MalformedBody):
            continue
        if incoming.events:
            taken.append(other)
    assert taken == [name]


@pytest.mark.parametrize("name", [name for name, path in sorted(FILES.items()) if path.suffix == ".csv"])
def test_the_mapping_that_fits_a_table_is_found(name: str) -> None:
    assert shipped_for(FILES[name].read_text().partition("\n")[0].split(",")) == [name]


ROW = {"in": 5, "model": "gpt-4o"}
FIELDS = {"tokens.input": {"column": "in"}, "model": {"column": "model"}}


@pytest.mark.parametrize(
    ("form", "content", "settings"),
    [
        ("csv", "in,model\n5,gpt-4o\n", {}),
        ("csv", "\ufeffin;model\r\n5;gpt-4o\r\n", {}),
        ("jsonl", json.dumps(ROW) + "\n\n", {}),
        ("json", json.dumps([ROW]), {}),
        ("json", json.dumps({"data": [{"rows": [ROW]}]}), {"each": ["data", "rows"]}),
        ("jsonl", json.dumps({"rows": [ROW]}) + "\n", {"each": ["rows"]}),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_record_is_the_same_in_every_form(
    tmp_path: Path, form: str, content: str, settings: dict[str, Any], packed: bool
) -> None:
    path = tmp_path / ("file.gz" if packed else "file")
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    incoming = read(path, mapping_of(FIELDS, **{**settings, "format": form}))
    assert [(event.tokens.input, event.model) for event in incoming.events] == [(5, "gpt-4o")]
    assert incoming.refused == []


def test_a_long_table_of_json_lines_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    rows = [
        {"call": "a", "meter": "in", "n": 5},
        {"call": "a", "meter": "out", "n": 2},
        {"call": "b", "meter": "in", "n": 1},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    fields = {
        "id": {"column": "call"},
        "tokens.input": {"column": "in.n"},
        "tokens.output": {"column": "out.n", "default": 0},
    }
    incoming = read(path, mapping_of(fields, format="jsonl", pivot={"names": "meter", "sums": ["n"], "by": ["call"]}))
    assert [(event.id, event.tokens.input, event.tokens.output) for event in incoming.events] == [
        ("a", 5, 2),
        ("b", 1, 0),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", "in,by.team,model\n5,search,gpt-4o\n"),
        ("rows.tsv", "in\tby.team\tmodel\n5\tsearch\tgpt-4o\n"),
        ("rows.jsonl", '{"in": 5, "by": {"team": "search"}, "model": "gpt-4o"}\n'),
        ("rows.ndjson", '{"in": 5, "by": {"team": "search"}, "model": "gpt-4o"}\n'),
    ],
)
@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet"])
def test_a_files_own_name_says_what_it_is(tmp_path: Path, name: str, content: str, form: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    incoming = read(path, mapping_of({**FIELDS, "attributes.team": {"column": "by.team"}}, format=form))
    assert [(event.tokens.input, event.attributes) for event in incoming.events] == [(5, {"team": "search"})]
