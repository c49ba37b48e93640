"""What a commitment covered: cases worked out by hand, and that no usage and no amount counts twice."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.commitments.engine.covered_months import CommitmentMonth, CommitmentTerms, UsageLine, commitment_months
from allocation.meters.engine.months import Month

D = Decimal
NOVEMBER = Month(2026, 11)


def committed(**changes: Any) -> CommitmentTerms:
    """A node of 720 GPU hours a month at 2 dollars an hour; on demand an hour is 4."""
    given_: dict[str, Any] = {
        "name": "node", "kind": "reserved_gpu", "provider": "self", "models": ("llama-*",), "scope": "acme",
        "unit": "gpu_hour", "amount_per_month": D(1440), "units_per_month": D(720), "on_demand_unit_price": D(4),
        "starts_on": date(2026, 1, 1), "ends_on": None,
    }  # fmt: skip
    return CommitmentTerms(**{**given_, **changes})


def line(hours: str, **changes: Any) -> UsageLine:
    given_: dict[str, Any] = {
        "day": date(2026, 11, 3), "scope": "acme/search", "provider": "self", "model": "llama-70b",
        "gpu_seconds": D(hours) * 3600, "tokens": 0, "requests": 0, "cost": D(hours) * 2,
    }  # fmt: skip
    return UsageLine(**{**given_, **changes})


def one(commitment: CommitmentTerms, *usage: UsageLine) -> CommitmentMonth:
    (found,) = commitment_months([commitment], usage, NOVEMBER)
    return found


def test_coverage_utilisation_and_break_even() -> None:
    found = one(committed(), line("540"), line("10", provider="openai"), line("10", model="gpt"))
    assert (found.amount, found.committed_units, found.eligible_units, found.covered_units) == (1440, 720, 540, 540)
    assert (found.coverage, found.utilisation, found.on_demand_units) == (1, D("0.75"), 0)
    # A quarter lay idle; the covered hours were booked at the same 2 dollars, so both ways of telling agree.
    assert (found.unused_amount, found.booked_cost, found.idle_cost) == (360, 1080, 360)
    # 1,440 dollars buy 360 hours on demand: from there on the commitment is cheaper.
    assert (found.break_even_units, found.break_even_utilisation) == (360, D("0.5"))
    assert (found.cost_per_useful_unit, found.saving) == (D("2.666666667"), 720)


def test_usage_beyond_the_commitment_is_on_demand() -> None:
    found = one(committed(), line("700"), line("60", day=date(2026, 11, 4), cost=D(240)))
    assert (found.covered_units, found.on_demand_units, found.utilisation) == (720, 40, 1)
    assert (found.coverage, found.unused_amount, found.idle_cost) == (D("0.947368"), 0, 0)
    assert [(used.scope, used.units, used.amount) for used in found.lines] == [
        ("acme/search", 700, 1400), ("acme/search", 20, 40), ("", 0, 0),
    ]  # fmt: skip
    assert found.booked_cost == 1400 + 80


@pytest.mark.parametrize(("model", "covered"), [("llama[70b]", 10), ("llama7", 0), ("llama[70b]-x", 0)])
def test_only_a_star_is_any_text_in_the_models_of_a_commitment(model: str, covered: int) -> None:
    assert one(committed(models=("llama[70b]",)), line("10", model=model)).covered_units == covered


@pytest.mark.parametrize(
    ("dates", "amount", "hours"),
    [
        pytest.param({"starts_on": date(2026, 11, 16)}, 720, 360, id="begins in the middle"),
        pytest.param({"ends_on": date(2026, 11, 11)}, 480, 240, id="ends before the 11th"),
    ],
)
def test_a_part_of_a_month_costs_its_part(dates: dict[str, date], amount: int, hours: int) -> None:
    found = one(committed(**dates), line("5", day=date(2026, 11, 12)))
    assert (found.amount, found.committed_units) == (amount, hours)
    assert found.covered_units == 0
    assert (found.coverage, found.utilisation, found.cost_per_useful_unit) == (None, 0, None)


def test_out_of_force_is_not_told() -> None:
    later, over = committed(starts_on=date(2026, 12, 1)), committed(ends_on=date(2026, 11, 1))
    assert commitment_months([later, over], [line("1")], NOVEMBER) == []


def test_the_older_commitment_takes_first_and_the_newer_what_is_left() -> None:
    old = committed(name="z-old", units_per_month=D(100), starts_on=date(2026, 1, 1))
    new = committed(name="a-new", units_per_month=D(100), starts_on=date(2026, 2, 1))
    first, second = commitment_months([new, old], [line("150")], NOVEMBER)
    assert [(found.commitment.name, found.covered_units) for found in (first, second)] == [
        ("z-old", 100),
        ("a-new", 50),
    ]
    assert (first.eligible_units, second.eligible_units) == (150, 50)


def test_spend_that_was_committed() -> None:
    spend = committed(
        kind="committed_spend", provider="openai", models=("*",), unit="money", units_per_month=D(1000),
        amount_per_month=D(800), on_demand_unit_price=D(1),
    )  # fmt: skip
    found = one(spend, replace(line("0"), provider="openai", cost=D(600)))
    assert (found.covered_units, found.utilisation, found.saving) == (600, D("0.6"), -200)
    assert (found.break_even_units, found.unused_amount) == (800, 320)


hours = st.decimals(min_value=0, max_value=2000, places=3)


@given(st.lists(hours, max_size=8), st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 10**4))
def test_amounts_sum_to_the_commitment_and_no_usage_counts_twice(
    used: list[Decimal], amount: int, first: int, second: int
) -> None:
    usage = [line(str(each), scope=f"acme/{number}") for number, each in enumerate(used)]
    commitments = [
        committed(name="a", amount_per_month=D(amount) / 7, units_per_month=D(first)),
        committed(name="b", amount_per_month=D(amount), units_per_month=D(second)),
    ]
    months = commitment_months(commitments, usage, NOVEMBER)
    for found in months:
        assert sum(each.amount for each in found.lines) == found.amount
        assert found.covered_units <= found.committed_units
        assert found.unused_amount >= 0
    assert abs(sum(found.covered_units for found in months) - min(sum(used), D(first + second))) < D("0.000001")
