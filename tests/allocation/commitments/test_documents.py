from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from allocation.commitments.documents import CommitmentSpec

SPEC = {
    "organisation": "acme", "kind": "reserved_gpu", "provider": "self", "amount_per_month": Decimal(900),
    "currency": "USD", "unit": "gpu_hour", "units_per_month": Decimal(720), "starts_on": date(2026, 11, 1),
}  # fmt: skip


def spec(**changes: Any) -> CommitmentSpec:
    return CommitmentSpec(**(SPEC | changes))


def test_without_a_scope_it_covers_everybodys_usage() -> None:
    assert (spec().covered_scope, spec(scope="acme/search").covered_scope) == ("acme", "acme/search")
    assert spec().models == ("*",)


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        ("reserved_gpu", "gpu_hour"),
        ("committed_spend", "money"),
        ("provisioned_throughput", "token"),
        ("provisioned_throughput", "request"),
    ],
)
def test_each_kind_is_counted_in_its_units(kind: str, unit: str) -> None:
    assert spec(kind=kind, unit=unit).unit == unit


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unit": "token"}, "unit: a reserved_gpu is counted in gpu_hour"),
        ({"kind": "provisioned_throughput"}, "counted in token or request"),
        ({"ends_on": date(2026, 11, 1)}, "ends_on must be later than starts_on"),
        ({"scope": "globex/search"}, "scope: globex/search lies outside acme"),
        ({"scope": "acme-labs"}, "scope: acme-labs lies outside acme"),
        ({"amount_per_month": Decimal(0)}, "greater than 0"),
        ({"units_per_month": Decimal("NaN")}, "finite number"),
        ({"models": ()}, "at least 1"),
        ({"currency": "usd"}, "should match pattern"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        spec(**changes)
