from decimal import Decimal

import pytest

from budgets.scenarios.engine.assumptions import Assumptions, assumptions_of


def test_what_is_written_is_read_exactly() -> None:
    assumed = assumptions_of(
        prices=["30", "openai=-10.5"],
        subsidies=["anthropic=25"],
        replaced=["gpt-4o=together/meta/llama-3"],
        tokens="2.5",
    )

    assert assumed == Assumptions(
        prices={"": Decimal("1.3"), "openai": Decimal("0.895")},
        subsidies={"anthropic": Decimal("0.25")},
        replaced={"gpt-4o": ("together", "meta/llama-3")},
        tokens=Decimal("2.5"),
    )
    assert [assumed.price_factor(name) for name in ("openai", "mistral")] == [Decimal("0.895"), Decimal("1.3")]
    assert [assumed.paid_share(name) for name in ("anthropic", "openai")] == [Decimal("0.75"), Decimal(1)]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"prices": ["much"]}, "'much' is no per cent: write 30, or openai=30 for one provider"),
        ({"prices": ["openai="]}, "is no per cent"),
        ({"prices": ["1e3"]}, "is no per cent"),
        ({"prices": ["-101"]}, "prices fall by 100 per cent at most"),
        ({"subsidies": ["100"]}, "less than 100 per cent of the long-run cost"),
        ({"subsidies": ["-1"]}, "from 0 to less than 100"),
        ({"replaced": ["gpt-4o=mini"]}, "write gpt-4o=anthropic/claude-haiku-4-5"),
        ({"tokens": "-2"}, "tokens per task are a factor such as 2 or 1.5"),
        ({"tokens": "NaN"}, "are a factor"),
    ],
)
def test_what_is_written_otherwise_is_refused_with_the_way(written: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        assumptions_of(**written)
