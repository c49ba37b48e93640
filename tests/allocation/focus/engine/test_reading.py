from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from allocation.focus.engine.reading import ASSUMED, Charge, Reader, RowFault
from allocation.focus.engine.tags import tag_text

COLUMNS = (
    "BilledCost", "EffectiveCost", "ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd",
    "BillingCurrency", "ChargeCategory", "Tags",
)  # fmt: skip
ROW = {
    "BilledCost": "2.50", "EffectiveCost": "2.00", "ChargePeriodStart": "2026-10-05T00:00:00Z",
    "ChargePeriodEnd": "2026-10-06T00:00:00Z", "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z", "BillingCurrency": "eur", "ChargeCategory": "Usage",
    "Tags": '{"team": "search", "spot": true, "none": null}',
}  # fmt: skip


def read(columns: Sequence[str] = COLUMNS, **changes: str | None) -> Charge | RowFault:
    row = ROW | changes
    return Reader(columns, currency="USD").read([row[name] for name in columns])


def charge(columns: Sequence[str] = COLUMNS, **changes: str | None) -> Charge:
    found = read(columns, **changes)
    assert isinstance(found, Charge), found
    return found


def test_a_row_that_says_everything_is_taken_as_it_stands() -> None:
    found = charge()
    assert (found.category, found.currency, found.billed, found.effective) == (
        "Usage", "EUR", Decimal("2.50"), Decimal("2.00"),
    )  # fmt: skip
    assert (found.start, found.end) == (datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 6, tzinfo=UTC))
    assert (found.billing_start, found.billing_end) == (
        datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC),
    )  # fmt: skip
    assert (found.tags, found.notes) == ({"team": "search", "spot": "true"}, ())
    assert (found.listed, found.contracted) == (None, None)


def test_what_a_row_leaves_out_is_taken_and_noted() -> None:
    found = charge(("EffectiveCost", "ChargePeriodStart"))
    assert found.notes == tuple(
        note for name, note in ASSUMED if name not in {"EffectiveCost", "ChargePeriodStart"}
    )  # fmt: skip
    assert (found.billed, found.effective, found.currency, found.category) == (
        Decimal(0), Decimal("2.00"), "USD", "Usage",
    )  # fmt: skip
    assert (found.start, found.end) == (datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 6, tzinfo=UTC))
    assert (found.billing_start, found.billing_end) == (
        datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC),
    )  # fmt: skip
    billed = charge(("BilledCost", "BillingPeriodStart"))
    assert (billed.effective, billed.start) == (Decimal("2.50"), datetime(2026, 10, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"BilledCost": "two"}, "not_a_number", "BilledCost"),
        ({"ChargePeriodStart": "soon"}, "not_a_time", "ChargePeriodStart"),
        ({"BilledCost": None, "EffectiveCost": ""}, "missing_field", "BilledCost"),
        ({"ChargePeriodStart": None, "BillingPeriodStart": None}, "missing_field", "ChargePeriodStart"),
        ({"BilledCost": "1" + "0" * 23}, "out_of_range", "BilledCost"),
        ({"ChargeCategory": "Fun"}, "unknown_value", "ChargeCategory"),
        ({"BillingCurrency": "euros"}, "unknown_value", "BillingCurrency"),
        ({"ChargePeriodEnd": "2026-10-04T00:00:00Z"}, "period_reversed", "ChargePeriodEnd"),
        ({"BillingPeriodEnd": "2026-09-01T00:00:00Z"}, "period_reversed", "BillingPeriodEnd"),
    ],
)
def test_what_keeps_a_row_from_being_a_charge_is_named(changes: dict[str, str | None], code: str, field: str) -> None:
    found = read(**changes)
    assert isinstance(found, RowFault)
    assert (found.code, found.field) == (code, field)


def test_more_cells_than_columns_are_refused_and_fewer_are_left_out() -> None:
    reader = Reader(("BilledCost", "ChargePeriodStart", "Tags"), currency="USD")
    fault = reader.read(["1", "2026-10-05T00:00:00Z", "{}", "more"])
    assert isinstance(fault, RowFault)
    assert fault.code == "too_many_cells"
    assert isinstance(reader.read(["1", "2026-10-05T00:00:00Z"]), Charge)


@pytest.mark.parametrize(
    ("cell", "tags", "notes"),
    [
        ("team=search", {}, ("Tags is not JSON; no attribution rule reads them",)),
        ("[7]", {}, ("Tags is not a JSON object; no attribution rule reads them",)),
        ('"team"', {}, ("Tags is not JSON; no attribution rule reads them",)),
        (
            '{"team": "search", "owner": {"name": "x"}}',
            {"team": "search"},
            ("Tags has an object or array as the value of a key; no attribution rule reads that one",),
        ),
    ],
)
def test_tags_that_cannot_be_read_attribute_nothing(cell: str, tags: dict[str, str], notes: tuple[str, ...]) -> None:
    found = charge(Tags=cell)
    assert (found.tags, found.notes) == (tags, notes)


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ('"Kosten Stelle": "4711","env": "prod"', {"Kosten Stelle": "4711", "env": "prod"}),
        (' "Kosten Stelle":"4711", "beta":true, ', {"Kosten Stelle": "4711", "beta": "true"}),
        (
            '[{"Key": "user:team", "Value": "search"}, {"Key": "spot", "Value": ""}, {"Key": "beta"}]',
            {"user:team": "search", "spot": "", "beta": "true"},
        ),
        ('[{"value": "7", "key": "cost-center"}, {"key": "cost-center", "value": "8"}]', {"cost-center": "7"}),
        ('[{"TagKey": "team", "TagValue": 3}]', {"team": "3"}),
        ("[]", {}),
        ("{}", {}),
    ],
)
def test_tags_are_read_as_azure_and_aws_write_them(cell: str, tags: dict[str, str]) -> None:
    found = charge(Tags=cell)
    assert (found.tags, found.notes) == (tags, ())


def test_the_digest_does_not_depend_on_the_order_of_columns() -> None:
    one, other = Reader(("A", "B"), currency="USD"), Reader(("B", "A"), currency="USD")
    assert one.digest(["1", None]) == other.digest([None, "1"])
    assert one.digest(["1", None]) != one.digest(["1", ""])
    assert one.digest(["1", "2"]) != one.digest(["1", "2", "3"])


def test_tags_are_text() -> None:
    assert [tag_text(value) for value in (True, False, 7, "x")] == ["true", "false", "7", "x"]
