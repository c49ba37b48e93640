from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from allocation.focus.engine.layout import EXPORTED
from allocation.focus.importers.files import opened
from allocation.focus.queries import import_parquet, write_parquet
from governance.scopes.models import Scope
from tests.allocation.conftest import make_organisation
from tests.allocation.focus.exported import bring_in, exported, foreign, order, rows_of


@pytest.mark.parametrize("version", EXPORTED)
def test_parquet_out_and_in_and_out_again_has_the_same_cells(used: Scope, tmp_path: Path, version: Any) -> None:
    bring_in(foreign(tmp_path), used)
    first, second, third = (tmp_path / f"{name}.parquet" for name in ("first", "second", "third"))
    write_parquet(order(used, version), first)
    globex = make_organisation("globex")
    run = bring_in(first, globex)
    assert run.quarantined == 0
    write_parquet(order(globex, version), second)
    import_parquet(run, third)
    described, cells = contents(first)
    assert contents(second) == (described, cells)
    assert contents(third) == (described, cells)
    kinds = dict(described)
    assert (kinds["BilledCost"], kinds["ChargePeriodStart"], kinds["SkuId"]) == (
        "DECIMAL(38,18)", "TIMESTAMP WITH TIME ZONE", "VARCHAR",
    )  # fmt: skip
    # Value by value what the CSV says.
    with opened(first) as file:
        read = list(file.rows())
    numbers = [place for place, name in enumerate(file.table.columns) if kinds[name].startswith("DECIMAL")]
    for row, wanted in zip(read, rows_of(exported(used, version)), strict=True):
        for place, name in enumerate(file.table.columns):
            if place in numbers:
                assert (None if row[place] is None else Decimal(row[place] or "")) == (
                    Decimal(wanted[name]) if wanted[name] else None
                )
            else:
                assert (row[place] or "") == wanted[name]


def contents(path: Path) -> tuple[list[tuple[str, str]], list[tuple[object, ...]]]:
    base = duckdb.connect()
    described = base.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    texts = ", ".join(f'CAST("{row[0]}" AS VARCHAR)' for row in described)
    rows = base.execute(f"SELECT {texts} FROM read_parquet(?)", [str(path)]).fetchall()
    return [(row[0], row[1]) for row in described], rows


def test_a_number_with_more_places_than_the_type_stays_exact(acme: Scope, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(
        "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,EffectiveCost,ListUnitPrice\n"
        "1,USD,Usage,2026-11-01T00:00:00Z,1,0.0000000000000000000001\n"
        "1,USD,Usage,2026-11-01T00:00:00Z,2,35.2E-7\n"
    )
    bring_in(path, acme)
    out = tmp_path / "out.parquet"
    write_parquet(order(acme), out)
    described, _ = contents(out)
    assert dict(described)["ListUnitPrice"] == "VARCHAR"
    with opened(out) as file:
        place = file.table.columns.index("ListUnitPrice")
        assert [row[place] for row in file.rows()] == ["0.0000000000000000000001", "35.2E-7"]
