from typing import Any

import pytest

from allocation.focus.engine.columns import VERSIONS, Level, columns_of, recognise
from tests.allocation.focus.engine.checked import SOUND


def test_how_many_columns_each_version_has() -> None:
    assert {version: len(columns_of(version)) for version in VERSIONS} == {
        "1.0": 43, "1.1": 50, "1.2": 57, "1.3": 65, "1.4": 65,
    }  # fmt: skip
    mandatory = [name for name, column in columns_of("1.4").items() if column.level_in("1.4") is Level.MANDATORY]
    assert len(mandatory) == 21


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_is_told_by_its_columns(version: Any) -> None:
    assert recognise(tuple(columns_of(version))) == version


@pytest.mark.parametrize(
    ("columns", "version"),
    [
        (("a", "b", "c"), None),
        (tuple(SOUND), "1.2"),
        ((*SOUND, "HostProviderName", "InvoiceDetailId"), "1.4"),
        (("BilledCost", "BillingCurrency", "ChargeCategory", "EffectiveCost", "ServiceProviderName"), "1.4"),
        (("billedcost", "BILLINGCURRENCY", "ChargeCategory", "EffectiveCost", "ListCost", "Id"), "1.0"),
    ],
)
def test_a_version_is_told_from_some_columns(columns: tuple[str, ...], version: str | None) -> None:
    assert recognise(columns) == version
