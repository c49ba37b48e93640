from datetime import datetime
from pathlib import Path

import duckdb

from allocation.usage.importers.files import ImportRequest, import_file, load_mapping, mapping_path
from allocation.usage.models import ImportRun
from governance.scopes.models import Scope
from tests.allocation.conftest import AT

EXPORTS = Path(__file__).parent / "exports"


FILES = {path.stem: path for path in EXPORTS.iterdir() if path.suffix != ".md"}


def clock() -> datetime:
    return AT


def bring_in(scope: Scope, path: Path, mapping: str) -> ImportRun:
    order = ImportRequest(
        path=path, source_format="mapped", mapping=load_mapping(mapping_path(mapping)), scope_id=scope.pk
    )
    return import_file(order, now=clock)


def parquet(path: Path, query: str) -> Path:
    with duckdb.connect() as database:
        database.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


TYPED_MAPPING = """
format: parquet
source: lake
fields:
  id: {column: id}
  occurred_at: {column: AT, assume_utc: true}
  provider: {constant: openai}
  model: {column: model}
  tokens.input: {column: tokens.input}
  tokens.output: {column: tokens.output}
  cost: {column: paid}
  attributes.team: {column: team}
"""
