from decimal import Decimal

from allocation.shared_cost import operations
from allocation.shared_cost.models import AllocationMetric
from governance.scopes.models import Scope
from tests.allocation.conftest import AT

D = Decimal


def test_metric_values_are_counted_once_and_refused_with_field_and_fix(shared: Scope) -> None:
    search = Scope.objects.get(path="acme/search")
    good = {"id": "1", "source": "hr", "metric": "seats", "scope": "acme/search", "on": "2026-11-01", "value": "2.5"}
    bad = [
        {**good, "value": -1}, {**good, "on": "soon"}, {**good, "scope": "acme/ads"},
        {**good, "scope": "acme/search/x"},
        {**good, "on": "2026-12-24"}, {**good, "note": "secret"}, {name: good[name] for name in good if name != "id"},
        "nothing", {**good, "value": 3}, {**good, "on": 0}, {**good, "value": True}, {**good, "value": "NaN"},
    ]  # fmt: skip
    result = operations.record_metrics(values=[good, good, *bad], authority=search, at=AT)
    assert (result.accepted, result.duplicate) == (1, 1)
    assert [(one.index, one.code, one.field) for one in result.rejected] == [
        (2, "invalid_value", "value"), (3, "invalid_value", "on"), (4, "scope_unknown", "scope"),
        (5, "scope_unknown", "scope"), (6, "occurred_in_future", "on"), (7, "unknown_field", "?"),
        (8, "missing_field", "id"), (9, "not_an_object", ""), (10, "identity_reused", "id"),
        (11, "invalid_value", "on"), (12, "invalid_value", "value"), (13, "invalid_value", "value"),
    ]  # fmt: skip
    assert all(one.message.endswith(".") and "secret" not in one.message for one in result.rejected)
    assert operations.record_metrics(values=[good], authority=search, at=AT).duplicate == 1
    assert AllocationMetric.objects.get().value == D("2.5")
