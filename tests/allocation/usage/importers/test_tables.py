import io

import pytest

from allocation.usage.importers.tables import encoding_of, table_rows
from governance.errors import Invalid


def read(text: str, delimiter: str = ",") -> tuple[list[str], list[object]]:
    names, rows = table_rows(io.StringIO(text, newline=""), delimiter=delimiter, fits=lambda found: "in" in found)
    return names, list(rows)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_columns_are_separated_by_what_separates_them(mark: str) -> None:
    text = f'id{mark}in\r\na{mark}"1{mark}5"\r\n\r\nb\r\n'
    assert read(text) == (["id", "in"], [{"id": "a", "in": f"1{mark}5"}, {"id": "b", "in": None}])


def test_the_mappings_own_delimiter_comes_first() -> None:
    assert read("id~in\na,b~1;2\n", "~") == (["id", "in"], [{"id": "a,b", "in": "1;2"}])


def test_a_file_of_other_columns_is_read_as_the_mapping_says() -> None:
    assert read("id;out\na;1\n") == (["id;out"], [{"id;out": "a;1"}])
    assert read("") == ([], [])


def test_a_cell_beyond_the_last_column_is_no_guess() -> None:
    assert read("id,in\na,0,50\nb,1,\n") == (["id", "in"], [["a", "0", "50"], {"id": "b", "in": "1"}])


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(Invalid, match="more than one column in:") as refused:
        read("in,id,in\n1,a,2\n")
    assert refused.value.code == "csv_column"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_spreadsheets_unicode_text_is_read(encoding: str) -> None:
    content = io.BytesIO("id\tin\n≤\t1\n".encode(encoding))
    text = io.TextIOWrapper(content, encoding=encoding_of(content), newline="")
    names, rows = table_rows(text, delimiter=",", fits=lambda found: "in" in found)
    assert (names, list(rows)) == (["id", "in"], [{"id": "≤", "in": "1"}])
