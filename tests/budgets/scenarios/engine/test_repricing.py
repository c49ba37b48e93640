"""Recorded quantities at other prices: each step alone, all together, and sums that hold to the last place."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets.scenarios.engine.assumptions import Assumptions, assumptions_of
from budgets.scenarios.engine.repricing import ModelRepriced, Repriced, Used, reprice
from budgets.scenarios.engine.words import budget_sentence, sentences

TOKENS = ("input", "cached_input", "output", "reasoning")
MINI = {("openai", "mini"): {"input": Decimal("0.000001"), "output": Decimal("0.000004")}}


def used(model: str, provider: str = "openai", **meters: tuple[int, str]) -> list[Used]:
    return [Used(provider, model, meter, Decimal(count), Decimal(cost)) for meter, (count, cost) in meters.items()]


BIG = used(
    "big", input=(1_000_000, "2.50"), cached_input=(500_000, "0.50"), output=(100_000, "1.00"), request=(40, "4")
)
OTHER = used("other", "anthropic", input=(10, "1"), output=(10, "1"))


def run(lines: list[Used], **written: object) -> Repriced:
    return reprice(lines, assumptions_of(**written), MINI, token_meters=TOKENS)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ({}, {"big": "8", "other": "2"}),
        ({"prices": ["30"]}, {"big": "10.4", "other": "2.6"}),
        ({"prices": ["30", "openai=0"]}, {"big": "8", "other": "2.6"}),
        # What is paid today is three quarters of the long-run cost.
        ({"subsidies": ["anthropic=25"]}, {"big": "8", "other": "2.666666667"}),
        # Requests do not double with tokens.
        ({"tokens": "2"}, {"big": "12", "other": "4"}),
        # 1.5 million input tokens at 1 a million, 0.1 million output tokens at 4.
        ({"replaced": ["big=openai/mini"]}, {"big": "1.9", "other": "2"}),
        ({"replaced": ["big=openai/mini"], "tokens": "2", "prices": ["100"]}, {"big": "7.6", "other": "8"}),
    ],
)
def test_the_same_work_at_other_prices(written: dict[str, object], wanted: dict[str, str]) -> None:
    done = run([*BIG, *OTHER], **written)
    assert {model.model: model.repriced for model in done.models} == {
        name: Decimal(cost) for name, cost in wanted.items()
    }
    assert done.recorded == Decimal(10)


def test_a_model_that_is_replaced_is_named_with_what_has_no_price() -> None:
    assert run(BIG, replaced=["big=openai/mini"]).models == (
        ModelRepriced("openai", "big", "openai/mini", Decimal(8), (Decimal("1.9"),) * 4, ("request",)),
    )


def test_a_model_replaced_by_itself_stays() -> None:
    done = run(used("mini", input=(5, "9")), replaced=["mini=openai/mini"])
    assert [(model.by, model.repriced) for model in done.models] == [("", Decimal(9))]


def test_what_nobody_used_costs_nothing() -> None:
    assert run([], prices=["30"]) == Repriced((), Decimal(0), Decimal(0), dict.fromkeys(
        ("replaced", "tokens", "prices", "subsidies"), Decimal(0)
    ))  # fmt: skip


def test_it_is_said_with_the_money_first() -> None:
    done = run([*BIG, *OTHER], replaced=["big=openai/mini"], prices=["100"])
    assert list(sentences(done, days=30, currency="USD")) == [
        "7.80 USD instead of 10.00 USD in 30 days: −2.20 USD (−22.0 %).",
        "In this order: other models do the work: −6.10 USD; prices change: +3.90 USD.",
        "Not in it: request of big, for which openai/mini has no price.",
    ]
    short = budget_sentence(amount=Decimal(5), days_of_period=30, repriced=done, days=15, currency="USD")
    assert short == (
        "At this pace a period of 30 days costs 15.60 USD, now 20.00 USD: the budget of 5.00 USD lacks 10.60 USD, and"
        " would have to be 3.12 times as large."
    )
    assert budget_sentence(amount=Decimal(50), days_of_period=30, repriced=done, days=30, currency="USD").endswith(
        "the budget of 50.00 USD leaves 42.20 USD."
    )


amounts = st.decimals(min_value=0, max_value=10**6, places=9)
lines = st.lists(
    st.builds(
        Used, st.sampled_from(["openai", "anthropic"]), st.sampled_from(["big", "mini", "other"]),
        st.sampled_from([*TOKENS, "request", "adjustment"]), amounts, amounts,
    ),
    max_size=12,
)  # fmt: skip
assumptions = st.builds(
    Assumptions,
    prices=st.dictionaries(st.sampled_from(["", "openai"]), st.decimals(0, 3, places=3)),
    subsidies=st.dictionaries(st.sampled_from(["", "openai"]), st.decimals(0, "0.9", places=2)),
    replaced=st.sampled_from([{}, {"big": ("openai", "mini")}]),
    tokens=st.decimals(0, 4, places=2),
)


@settings(max_examples=60, deadline=None)
@given(recorded=lines, assumed=assumptions)
def test_steps_sum_to_the_change_and_models_to_the_whole(recorded: list[Used], assumed: Assumptions) -> None:
    done = reprice(recorded, assumed, MINI, token_meters=TOKENS)

    assert done.recorded + sum(done.steps.values()) == done.repriced
    assert sum((model.repriced for model in done.models), Decimal(0)) == done.repriced
    assert done.recorded == sum((line.cost for line in recorded), Decimal(0))
