from decimal import Decimal
from typing import Any

import pytest
import time_machine

from governance.scopes.models import Scope
from tests.allocation.conftest import make_organisation
from tests.allocation.variance.used import ASKED, AT, call, use

pytestmark = pytest.mark.django_db


def test_the_api_shows_every_figure_with_its_records(acme: Scope, usage: None, client_of: Any) -> None:
    http = client_of(acme, "usage:read")
    answer = http.get(f"/api/v1/movement?scope=acme&{ASKED}").json()
    assert (answer["before"]["cost"], answer["after"]["cost"], answer["change"]) == (
        "5.000000000", "15.150000000", "10.150000000",
    )  # fmt: skip
    assert sum(Decimal(effect["amount"]) for effect in answer["effects"]) == Decimal(answer["change"])
    assert sum(map(Decimal, answer["mix"].values())) == Decimal(
        next(effect["amount"] for effect in answer["effects"] if effect["name"] == "mix")
    )
    for row in answer["models"]:
        names = ("volume", "intensity", "mix", "price", "exchange", "new", "ended", "adjustments")
        assert sum(Decimal(row[name]) for name in names) == Decimal(row["change"])
        for side in ("before", "after"):
            records = http.get(row[side]["records"]).json()["results"]
            assert sum(Decimal(record["cost"]) for record in records) == Decimal(row[side]["cost"])
            assert {record["model"] for record in records} <= {row["model"]}
    assert answer["summary"][0].startswith("Cost rose by 10.15 USD (+203.0 %), from 5.00 to 15.15: ")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "validation_failed"),
        ("?scope=acme/nowhere", 404, "scope_unknown"),
        ("?scope=globex", 404, "scope_unknown"),
        ("?scope=acme&form=2026-10-01", 400, "validation_failed"),
        ("?scope=acme&from=2026-10-01", 422, "period_open"),
        ("?scope=acme&from=2026-10-01&to=2026-10-01", 422, "period_empty"),
        ("?scope=acme&driver=hours", 400, "validation_failed"),
    ],
)
def test_wrong_parameters_are_refused(acme: Scope, client_of: Any, query: str, status: int, code: str) -> None:
    make_organisation("globex")
    answer = client_of(acme, "usage:read").get(f"/api/v1/movement{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_period_that_runs_is_compared_with_as_many_days_and_says_so(acme: Scope, client_of: Any) -> None:
    use(acme, (10, call(1)), (11, call(1)))
    with time_machine.travel(AT, tick=False):
        http = client_of(acme, "usage:read")
        answer = http.get("/api/v1/movement?scope=acme&from=2026-11-01&to=2026-12-01").json()
        refused = http.get("/api/v1/movement?scope=acme&from=2026-12-01&to=2027-01-01")
    assert (answer["before"]["last_day"], answer["after"]["last_day"], answer["after"]["days"]) == (
        "2026-10-23", "2026-11-23", 23,
    )  # fmt: skip
    assert answer["note"] == answer["summary"][1]
    assert answer["note"].startswith("2026-11 still runs: its first 23 days so far")
    assert (refused.status_code, refused.json()["code"]) == (422, "period_not_begun")
