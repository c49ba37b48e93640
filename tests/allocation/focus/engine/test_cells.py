from decimal import Decimal

from allocation.focus.engine.cells import Cells


def test_a_word_that_stands_for_null_is_null() -> None:
    row = Cells({"BilledCost": "NULL", "Tags": None, "ChargeCategory": "Usage", "ChargeClass": "Correction"})
    assert [row.text(name) for name in ("BilledCost", "Tags", "ChargeCategory", "ListCost")] == [
        None, None, "Usage", None,
    ]  # fmt: skip
    assert (row.category, row.is_correction) == ("Usage", True)
    assert (Cells({}).category, Cells({}).is_correction) == (None, False)


def test_a_number_is_read_where_it_is_one() -> None:
    row = Cells({"BilledCost": "1234.50", "ListCost": "a lot", "EffectiveCost": "null"})
    assert [row.number(name) for name in ("BilledCost", "BilledCost", "ListCost", "EffectiveCost", "Other")] == [
        Decimal("1234.50"), Decimal("1234.50"), None, None, None,
    ]  # fmt: skip


def test_a_row_has_a_column_even_where_the_cell_is_null() -> None:
    row = Cells({"BilledCost": None, "Tags": "{}"})
    assert (row.has("BilledCost", "Tags"), row.has("Tags", "ListCost"), row.has()) == (True, False, True)
