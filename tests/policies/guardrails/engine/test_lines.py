from decimal import Decimal
from typing import Any

from budgets.ledger.engine.lines import Line
from policies.guardrails.engine.lines import LINES_MAX, lines_of
from tests.policies.guardrails.engine.guardrails import compiled, step

USED = {"used": {"fact": "budget.used"}, "amount": {"fact": "budget.amount"}}


def lines(*whens: str, facts: dict[str, Any] = USED, **spec: Any) -> set[tuple[str, Decimal, Decimal]]:
    policy = compiled(*(step(f"s{number}", when) for number, when in enumerate(whens)), facts=facts, **spec)
    return {(line.unit, line.share, line.amount) for line in lines_of([policy])}


def money(share: str, amount: str = "0") -> tuple[str, Decimal, Decimal]:
    return "money", Decimal(share), Decimal(amount)


def test_a_number_is_a_share_used_or_left_and_an_amount() -> None:
    assert lines("used / amount >= 0.7") == {
        money("1"), money("0.7"), money("0.3"), money("0", "0.7"), money("1", "-0.7"),
    }  # fmt: skip
    assert lines("used >= 40.0") == {
        money("1"), money("0.4"), money("0.6"), money("0", "40"), money("1", "-40"),
    }  # fmt: skip


def test_a_ratio_alone_draws_no_line_at_an_amount() -> None:
    ratio = {"ratio": {"fact": "budget.used_ratio"}}
    assert lines("ratio >= 0.9", facts=ratio) == {money("1"), money("0.9"), money("0.1")}
    assert lines("ratio * 100.0 > 85.0", facts=ratio) == {money("1"), money("0.85"), money("0.15")}


def test_lines_are_of_the_units_read_in_quantities_of_the_ledger() -> None:
    facts = {"hours": {"fact": "budget.used", "unit": "gpu_hours"}}
    assert lines("hours >= 2.0", facts=facts) == {
        ("gpu_hours", Decimal(1), Decimal(0)),
        ("gpu_hours", Decimal(2), Decimal(0)),
        ("gpu_hours", Decimal(0), Decimal(7200)),
        ("gpu_hours", Decimal(1), Decimal(-7200)),
    }


def test_variables_conditions_parameters_and_releases_are_read() -> None:
    found = lines(
        "share >= params.stop && rest > 0.05",
        variables={"share": "used / amount", "rest": "1.0 - share - 0.35"},
        params={"stop": {"type": "double", "default": 0.65}},
        conditions={"some": "used > 0.25"},
    )
    assert {money("0.65"), money("0.05"), money("0.35"), money("0.25")} <= found


def test_what_reads_no_budget_draws_no_line_and_too_many_are_none() -> None:
    assert lines("spend >= 30.0", facts={"spend": {"fact": "cost", "window": "24h"}}) == set()
    many = [compiled(step("s", f"used >= {number}.5"), facts=USED) for number in range(1, LINES_MAX)]
    assert lines_of(many[:3]) != frozenset()
    assert lines_of(many) == frozenset()


def test_numbers_out_of_all_measure_are_passed_over() -> None:
    assert lines("used >= 1e300 || used > 0.0") == {money("1")}
    assert Line("money", Decimal("0.8")) == Line("money", Decimal("0.800"), Decimal("0E-9"))
