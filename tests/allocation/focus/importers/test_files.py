import gzip
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from allocation.focus.models import FocusImport, FocusRow
from allocation.focus.queries import import_csv
from governance.errors import Invalid
from governance.scopes.models import Scope
from tests.allocation.focus.brought_in import AI_HEAD, HEAD, OCTOBER, ai_row, bring_in, rows_of, write


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.csv", b"", "file_empty"),
        ("quote.csv", AI_HEAD.encode() + b'\n1,"never closed\n2,3\n', "file_unreadable"),
        ("latin.csv", AI_HEAD.encode() + b"\n1,\xff\xfe,3\n", "file_unreadable"),
        ("cut.csv.gz", gzip.compress(AI_HEAD.encode() * 100)[:-20], "file_unreadable"),
        ("none.csv.gz", b"no gzip at all", "file_unreadable"),
        ("none.parquet", b"PAR1 and nothing more", "file_unreadable"),
        ("wide.csv", b"a," * 5000 + b"b\n", "file_unreadable"),
        ("other.csv", b"day,team,cost\n2026-10-01,search,5\n", "version_unknown"),
    ],
)
def test_a_file_that_is_none_brings_nothing_in(
    acme: Scope, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        bring_in(path, acme)
    assert refused.value.code == code
    assert not FocusImport.objects.exists()
    assert not FocusRow.objects.exists()


def test_a_name_is_no_pattern(acme: Scope, tmp_path: Path) -> None:
    row = ai_row("500", "Tokens", "Input Tokens")
    write(tmp_path / "a1.csv", row, row, row)
    assert bring_in(write(tmp_path / "a*.csv", row), acme).rows_done == 1
    assert bring_in(write(tmp_path / "it's [a] {file}?.csv", row, row), acme).rows_done == 2


def test_empty_is_not_null_and_columns_keep_their_order(acme: Scope, tmp_path: Path) -> None:
    text = f'x_Empty,{HEAD}x_Null,Note\n"",{OCTOBER},Tax,1,1,USD,," a ""b"",\nc "\n'
    path = tmp_path / "nulls.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    run = bring_in(path, acme)
    assert run.columns == ["x_Empty", *HEAD.split(",")[:-1], "x_Null", "Note"]
    cells = rows_of(run)[0].cells
    assert (cells[0], cells[-2], cells[-1]) == ("", None, ' a "b",\nc ')
    assert b"".join(import_csv(run)).decode() == text


def test_parquet_is_read_exactly(acme: Scope, tmp_path: Path) -> None:
    path = tmp_path / "charges.parquet"
    base = duckdb.connect()
    base.execute(
        f"""COPY (SELECT TIMESTAMPTZ '2026-10-01 02:00:00+02' AS ChargePeriodStart,
            TIMESTAMP '2026-10-02' AS ChargePeriodEnd, 'Usage' AS ChargeCategory,
            CAST('0.10' AS DECIMAL(20, 6)) AS BilledCost, CAST('12345678901234567890.123456789' AS DECIMAL(38, 9))
            AS EffectiveCost, 'USD' AS BillingCurrency, MAP {{'team': 'ads'}} AS Tags, '' AS x_Empty,
            CAST(NULL AS VARCHAR) AS x_Null) TO '{path}' (FORMAT parquet)"""
    )
    run = bring_in(path, acme)
    row = rows_of(run)[0]
    assert row.cells == [
        "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z", "Usage", "0.100000", "12345678901234567890.123456789", "USD",
        '{"team":"ads"}', "", None,
    ]  # fmt: skip
    assert row.effective_cost == Decimal("12345678901234567890.123456789")
