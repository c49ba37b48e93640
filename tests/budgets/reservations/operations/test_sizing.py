"""Sized by what calls of the scope were like: one without a bound does not starve the others."""

from datetime import timedelta
from decimal import Decimal

import pytest

from allocation.meters.documents import EVENT, UsageEvent
from allocation.usage.operations import record_usage
from budgets.reservations.errors import ReservationRefused, UnsizedReservation
from budgets.reservations.operations import Terms, hold
from budgets.reservations.operations.sizing import Call, sized
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of

GPT = Call("openai", "gpt-4o")


def calls(scope: Scope, costs: list[str], *, output: int = 10, **more: str) -> None:
    events: list[UsageEvent] = [
        EVENT.validate_python({
            "id": f"{scope.pk}-{output}-{number}", "source": "s", "occurred_at": AT - timedelta(minutes=number),
            "scope": scope.path, "provider": "openai", "model": "gpt-4o", "cost": Decimal(cost),
            "tokens": {"input": 90, "output": output}, **more,
        })
        for number, cost in enumerate(costs)
    ]  # fmt: skip
    record_usage(events=events, key_scope_id=None, at=AT)


def amount(scope: Scope, call: Call = GPT, *, unit: str = "money") -> tuple[Decimal, str]:
    return sized(scope=scope, unit=unit, amount=None, call=call, at=AT)


def test_by_default_nine_calls_of_ten_fit(search: Scope) -> None:
    calls(search, ["0.1"] * 18 + ["1"] * 2)
    assert amount(search) == (Decimal("0.1"), "quantile")
    assert amount(search, Call("openai", "gpt-4o", percentile=95)) == (Decimal(1), "quantile")
    assert amount(search, Call("", "gpt-4o")) == (Decimal("0.1"), "quantile")
    assert amount(search, unit="tokens") == (Decimal(100), "quantile")


def test_with_the_input_known_the_usual_output_is_priced(search: Scope) -> None:
    calls(search, ["0.1"] * 20, output=500)
    call = Call("openai", "gpt-4o", tokens={"input": 1000, "output": 0})
    assert amount(search, call) == (Decimal("0.0075"), "quantile")
    assert amount(search, call, unit="tokens") == (Decimal(1500), "quantile")


def test_what_it_has_too_few_of_itself_the_scopes_beside_it_have(acme: Scope, search: Scope) -> None:
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    calls(search, ["5"] * 19)
    calls(ads, ["0.2"] * 200)
    assert amount(search) == (Decimal("0.2"), "quantile")
    calls(search, ["5"], output=11)
    assert amount(search) == (Decimal("0.2"), "quantile")  # kept for a minute
    later = AT + timedelta(minutes=1)
    assert sized(scope=search, unit="money", amount=None, call=GPT, at=later) == (Decimal(5), "quantile")


@pytest.mark.parametrize("call", [GPT, Call("openai", "o3"), Call("openai", "gpt-4o", operation="embeddings")])
def test_too_few_calls_size_nothing(search: Scope, call: Call) -> None:
    calls(search, ["5"] * 19)
    calls(search, ["5"] * 5, output=11, status="error") if call.model == "o3" else None
    with pytest.raises(UnsizedReservation):
        amount(search, call)


def test_free_calls_have_nothing_to_hold(search: Scope) -> None:
    calls(search, ["0"] * 20)
    with pytest.raises(UnsizedReservation):
        amount(search)


def test_a_budget_of_five_usual_calls_admits_five_of_forty(search: Scope, approve: Propose) -> None:
    calls(search, ["0.1"] * 95 + ["9"] * 5)
    approve(search, "55")  # 54.5 of which is used
    admitted = 0
    for _ in range(40):
        usual, sized_by = amount(search)
        terms = Terms(unit="money", amount=usual, expires_in=timedelta(minutes=1), sized_by=sized_by)
        try:
            hold(scope=search, terms=terms, actor=SYSTEM, at=AT)
            admitted += 1
        except ReservationRefused:
            continue
    assert admitted == 5
    assert account_of(search).available == Decimal(0)
