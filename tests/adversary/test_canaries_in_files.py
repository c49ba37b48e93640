"""Texts of prompts in files that commands bring in: none is in a table, a line of the log, or what the command says."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import time_machine
from django.core.management import CommandError, call_command

from allocation.outcomes.documents import OUTCOME_FIELDS
from allocation.usage.documents import Column, UsageMapping, parts_of, terms_of
from allocation.usage.importers.files import load_mapping, mapping_path
from allocation.usage.models import ImportRun
from governance.scopes.models import Scope
from tests.adversary.canaries import PROMPTS, Canaries, found, logged, stored
from tests.adversary.test_canaries import NAMES, OUTCOME, PAYLOAD, native
from tests.allocation.conftest import AT, acme
from tests.allocation.focus.brought_in import AI_HEAD, ai_row
from tests.allocation.usage.importers.exports import FILES

__all__ = ["acme"]

pytestmark = [pytest.mark.adversary("what is not yours"), pytest.mark.django_db]

# Rows of bills are kept as they stood, to go out as they stood: they have names and amounts, and no room for a prompt.
KEPT_AS_THEY_STOOD = ("allocation_focusrow", "allocation_focusimport")


class Files:
    """Brings files in as an operator does, and keeps what was said of them."""

    def __init__(self, folder: Path) -> None:
        self.marks, self.said = Canaries(), io.StringIO()
        # Where a file lies may tell of somebody; what it is called is kept.
        self.folder = folder / self.marks.name("a folder")
        self.folder.mkdir()

    def bring_in(self, name: str, content: bytes, *words: str) -> str:
        path = self.folder / name
        path.write_bytes(content)
        try:
            call_command(*words[:2], str(path), *words[2:], stdout=self.said, stderr=self.said)
        except CommandError as problem:
            self.said.write(f"{problem}\n")
            return str(problem)
        return ""

    def check(self, log: io.StringIO, *, kept: tuple[str, ...] = ()) -> None:
        assert found(self.marks, self.said.getvalue()) == []
        assert found(self.marks, log.getvalue()) == []
        assert found(self.marks, *(row for row in stored() if not row.startswith(kept or "nothing"))) == []


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    with time_machine.travel(AT, tick=False):
        yield Files(tmp_path)


def columns_of(mapping: UsageMapping) -> dict[str, set[str]]:
    """The fields of an event that each column is read for."""
    found_in: dict[str, set[str]] = {}
    for field, spec in mapping.fields.items():
        for part in parts_of(spec):
            terms = [part, *(terms_of(part) if not isinstance(part, str) else ())]
            for term in terms:
                name = term if isinstance(term, str) else term.column if isinstance(term, Column) else None
                if name is not None:
                    found_in.setdefault(name, set()).add(field.partition(".")[0])
    return found_in


def told(mapping: UsageMapping) -> set[str]:
    """Columns of names, which are kept as they are given, and those that say which rows are meant."""
    named = {column for column, fields in columns_of(mapping).items() if fields & NAMES}
    pivot = mapping.pivot
    names = pivot.names if pivot is not None else ""
    return {
        *named, *mapping.only_when, *mapping.skip_when, names if isinstance(names, str) else names.column,
        *(mapping.statement.account if mapping.statement else ()),
    }  # fmt: skip


def beside(value: Any, marks: Canaries) -> Any:
    """The document with texts of prompts in each of its objects, under names that are not read."""
    if isinstance(value, list):
        return [beside(each, marks) for each in value]
    if not isinstance(value, dict):
        return value
    added = {name: marks.shapes(name)[number % 5] for number, name in enumerate(PROMPTS) if name not in value}
    return {**{name: beside(each, marks) for name, each in value.items()}, **added, marks.name("a name"): 1}


def instead(value: Any, marks: Canaries, kept: set[str], path: str = "") -> Any:
    """The document with a text in place of every value but names."""
    if isinstance(value, list):
        return [instead(each, marks, kept, path) for each in value]
    if isinstance(value, dict):
        return {
            name: instead(each, marks, kept, name if isinstance(each, list) else f"{path}.{name}".lstrip("."))
            for name, each in value.items()
        }
    return value if any(path.endswith(name) for name in kept if name) else marks.at(f"in {path}")


def documents_of(path: Path) -> tuple[list[Any], Callable[[list[Any]], bytes]]:
    """What a file holds, and how it is written."""
    text = path.read_text()
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(text))), as_csv
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()], as_lines
    return [json.loads(text)], lambda documents: json.dumps(documents[0]).encode()


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    written, names = io.StringIO(), list(dict.fromkeys(name for row in rows for name in row))
    table = csv.DictWriter(written, names)
    table.writeheader()
    table.writerows(rows)
    return written.getvalue().encode()


def as_lines(rows: list[Any]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_text_in_an_export_of_a_provider_is_kept_or_told(acme: Scope, files: Files, name: str) -> None:
    """Beside what is read, in place of what is read, and in files that are not what they say."""
    del acme
    mapping, path = load_mapping(mapping_path(name)), FILES[name]
    documents, write = documents_of(path)
    words = ("usage", "import", "--format", mapping.format, "--mapping", name, "--scope", "acme")
    marks = files.marks
    with logged() as log:
        assert files.bring_in(f"a{path.suffix}", write(beside(documents, marks)), *words) == ""
        assert ImportRun.objects.get().accepted > 0
        files.bring_in(f"b{path.suffix}", write(instead(documents, marks, told(mapping))), *words)
        # Without its header, cut off in the middle, of another kind, and no text at all.
        texts = [{marks.at("a header"): marks.at("a cell"), marks.at("another"): "1"}] * 2
        for number, content in enumerate((as_csv(texts), as_lines(texts), write(beside(documents, marks))[:-40])):
            files.bring_in(f"c{number}{path.suffix}", content, *words)
        files.bring_in(f"d{path.suffix}", f"{marks.at('a line')}\n".encode() * 3, *words)
        files.bring_in(f"e{path.suffix}", b"\xff\xfe\xfd" + marks.at("not text").encode(), *words)
        call_command("usage", "imports", stdout=files.said)
    files.check(log)


def test_no_text_in_parquet_is_kept_or_told(acme: Scope, files: Files) -> None:
    del acme
    name, marks = "openai-completions", files.marks
    words = ("usage", "import", "--format", "parquet", "--mapping", name, "--scope", "acme")
    documents, _ = documents_of(FILES[name])
    mapping = load_mapping(mapping_path(name))
    with logged() as log:
        for number, rows in enumerate((beside(documents, marks), instead(documents, marks, told(mapping)))):
            table = files.folder / "rows.json"
            table.write_text(json.dumps(rows))
            made = files.folder / "made.parquet"
            with duckdb.connect() as database:
                database.execute(f"COPY (SELECT * FROM read_json_auto('{table}')) TO '{made}' (FORMAT parquet)")
            packed = made.read_bytes()
            files.bring_in(f"{number}.parquet", packed, *words)
            # A text that is not UTF-8, of which DuckDB tells by quoting it; and a file that breaks off.
            place = next(mark for mark in marks.places if mark.encode() in packed)
            files.bring_in(
                f"{number}b.parquet", packed.replace(place.encode(), b"\xff\xfe" + place.encode()[2:]), *words
            )
            files.bring_in(f"{number}c.parquet", packed[:-20], *words)
    files.check(log)


def roads() -> Iterator[tuple[str, Callable[[Canaries], bytes]]]:
    yield "native", lambda marks: as_lines([each for _, kind, body in native(marks) if kind for each in body])
    yield (
        "litellm",
        lambda marks: as_lines(
            [PAYLOAD | {place: value} for place in (*PROMPTS, "metadata") for value in marks.shapes(place)]
        ),
    )
    yield (
        "litellm-spend-log",
        lambda marks: as_lines(
            [
                PAYLOAD | {"request_id": "1", "spend": 0.01, "startTime": "2026-11-24T01:09:45Z", place: value}
                for place in (
                    *PROMPTS,
                    "metadata",
                    "api_base",
                    "request_tags_text",
                    "endTime",
                    "spend",
                    "prompt_tokens",
                )
                for value in marks.shapes(place)
            ]
        ),
    )


@pytest.mark.parametrize(("kind", "written"), list(roads()), ids=[kind for kind, _ in roads()])
def test_no_text_in_a_log_is_kept_or_told(
    acme: Scope, files: Files, kind: str, written: Callable[[Canaries], bytes]
) -> None:
    del acme
    words = ("usage", "import", "--format", kind, "--scope", "acme")
    with logged() as log:
        files.bring_in("a.jsonl", written(files.marks), *words)
        files.bring_in("b.jsonl", f"{files.marks.at('a line')}\n[1, 2]\n".encode(), *words)
        files.bring_in("c.json", f'[{{"id": 1}}, {files.marks.at("in an array")}'.encode(), *words)
    assert ImportRun.objects.filter(status="finished").count() == 2
    files.check(log)


def test_no_text_of_outcomes_or_recorded_runs_is_kept_or_told(acme: Scope, files: Files) -> None:
    del acme
    marks, fields = files.marks, sorted(OUTCOME_FIELDS - NAMES)
    rows = [OUTCOME | {field: value} for field in (*fields, *PROMPTS) for value in marks.shapes(field)]
    texts: list[dict[str, Any]] = [OUTCOME | {field: marks.at(f"a cell {field}")} for field in (*fields, *PROMPTS)]
    words = ("outcomes", "import", "--scope", "acme")
    run = {
        "task_id": 1, "trial": 0, "reward": 1.0, "info": marks.at("info"),
        "traj": [{"role": role, "content": marks.at(role)} for role in ("system", "user", "assistant", "tool")],
    }  # fmt: skip
    runs = (
        "outcomes",
        "import-taubench",
        "--scope",
        "acme/search",
        "--model",
        "openai/gpt-4o",
        "--start",
        "2026-11-20",
    )
    with logged() as log:
        files.bring_in("a.jsonl", as_lines(rows), *words)
        files.bring_in("a.csv", as_csv(texts), *words)
        files.bring_in("b.csv", as_csv([{marks.at("a header"): marks.at("a cell")}]), *words)
        files.bring_in("b.json", f"[{marks.at('no JSON')}".encode(), *words)
        assert files.bring_in("c.json", json.dumps([run]).encode(), *runs) == ""
        files.bring_in("d.json", json.dumps([run | {"traj": marks.at("no messages")}]).encode(), *runs)
    files.check(log)


def test_a_bill_keeps_its_cells_and_nothing_else_tells_of_them(acme: Scope, files: Files) -> None:
    del acme
    marks = files.marks
    whole = ai_row("1000", "Tokens", "Output Tokens", tags='{"team": "search"}')
    cells, names = next(csv.reader([whole])), AI_HEAD.split(",")
    names_by_contract = {"ServiceCategory", "ServiceProviderName", "SkuMeter", "SkuPriceDetails", "Tags"}
    numbers = [name for name in names if name not in names_by_contract]
    rows = [
        [marks.at(f"in {name}") if name == changed else cell for name, cell in zip(names, cells, strict=True)]
        for changed in numbers
    ]
    rows = [[*row, marks.at("a custom cell")] for row in rows]
    table = io.StringIO()
    csv.writer(table).writerows([[*names, "x_Comment"], *rows])
    with logged() as log:
        files.bring_in("a.csv", table.getvalue().encode(), "focus", "import", "--scope", "acme", "--version", "1.2")
        broken = f'{AI_HEAD}\n"{marks.at("not closed")} on Line: {marks.at("that follows")}\n{whole}\n{whole}'
        files.bring_in("b.csv", broken.encode(), "focus", "import", "--scope", "acme", "--version", "1.2")
        files.bring_in("c.csv", f"{marks.at('a header')}\n1\n".encode(), "focus", "import", "--scope", "acme")
        files.bring_in("d.parquet", b"PAR1" + marks.at("no parquet").encode(), "focus", "import", "--scope", "acme")
        files.bring_in("e.csv", table.getvalue().encode(), "focus", "check", "--version", "1.2", "--all")
        call_command("focus", "imports", stdout=files.said)
    files.check(log, kept=KEPT_AS_THEY_STOOD)
