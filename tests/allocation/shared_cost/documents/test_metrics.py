from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from allocation.shared_cost.documents.metrics import FIXES, METRIC_VALUE, metric_fault

VALUE = {
    "id": "1", "source": "crm", "metric": "active-seats", "scope": "acme/search", "on": "2026-10-31", "value": "12.5"
}  # fmt: skip


def test_a_value_is_read_exactly() -> None:
    read = METRIC_VALUE.validate_python(VALUE)
    assert (read.on, read.value) == (date(2026, 10, 31), Decimal("12.5"))


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        pytest.param({**VALUE, "on": 1_761_868_800}, "invalid_value", "on", id="a number is no day"),
        pytest.param({**VALUE, "on": "31.10.2026"}, "invalid_value", "on", id="another way to write a day"),
        pytest.param({**VALUE, "value": True}, "invalid_value", "value", id="true is no number"),
        pytest.param({**VALUE, "value": "-1"}, "invalid_value", "value", id="below nothing"),
        pytest.param({**VALUE, "value": "NaN"}, "invalid_value", "value", id="not a number"),
        pytest.param({**VALUE, "value": "0.0000000001"}, "invalid_value", "value", id="ten places"),
        pytest.param({**VALUE, "metric": "Active Seats"}, "invalid_value", "metric", id="a metric's name"),
        pytest.param({**VALUE, "scope": "a\nb"}, "invalid_value", "scope", id="a control character"),
        pytest.param({**VALUE, "note": "x"}, "unknown_field", "?", id="a field too many, whose name is not repeated"),
        pytest.param({**VALUE, "note": "x", "value": "y"}, "invalid_value", "value", id="a real defect goes first"),
        pytest.param({name: VALUE[name] for name in VALUE if name != "id"}, "missing_field", "id", id="none"),
        pytest.param([1], "not_an_object", "", id="no object"),
    ],
)
def test_what_is_no_value_is_named_with_its_fix(given: Any, code: str, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        METRIC_VALUE.validate_python(given)
    fault = metric_fault(refused.value)
    assert (fault.code, fault.field) == (code, field)
    assert FIXES.get(field, "") in fault.message
