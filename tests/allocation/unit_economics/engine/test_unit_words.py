from decimal import Decimal

import pytest

from allocation.unit_economics.engine import unit_economics
from allocation.unit_economics.engine.unit_economics import Measure
from allocation.unit_economics.engine.unit_words import MeasureWords, filters_of, formatted, words_of


def test_every_figure_has_words() -> None:
    measures = [value for value in vars(unit_economics).values() if isinstance(value, Measure)]
    assert len(measures) > 8
    assert all(words_of(measure).title for measure in measures)


@pytest.mark.parametrize(
    ("measure", "title", "below", "source"),
    [
        (Measure("outcome"), "Cost per outcome", "outcomes", "outcomes"),
        (Measure("outcome", "ticket"), "Cost per outcome: ticket", "outcomes", "outcomes"),
        (Measure("action"), "Cost per action (task)", "tasks begun", "tasks"),
        (Measure("action", "mail"), "Cost per action: mail", "such actions", "outcomes"),
        (Measure("cost_share", "training"), "Share of cost: training", "whole cost of the scope", "usage"),
    ],
)
def test_a_name_stands_behind_the_title(measure: Measure, title: str, below: str, source: str) -> None:
    words = words_of(measure)
    assert (words.title, words.denominator, words.source) == (title, below, source)


@pytest.mark.parametrize(
    ("measure", "filters"),
    [
        (Measure("inference"), {"activity": "inference"}),
        (Measure("cost_share", "training"), {"activity": "training"}),
        (Measure("outcome"), {"kind": "outcome"}),
        (Measure("outcome", "ticket"), {"kind": "outcome", "name": "ticket"}),
        (Measure("successful_outcome", "ticket"), {"kind": "outcome", "name": "ticket", "success": "true"}),
        (Measure("action"), {}),
        (Measure("action", "mail"), {"kind": "action", "name": "mail"}),
        (Measure("unpriced_share"), {"unpriced": "true"}),
        (Measure("gpu_hour"), {}),
    ],
)
def test_a_figure_leads_to_the_records_behind_it(measure: Measure, filters: dict[str, str]) -> None:
    assert filters_of(measure) == filters


@pytest.mark.parametrize(
    ("shown", "value", "text"),
    [
        ("money", "1234.5", "1,234.50"),
        ("money", "1", "1.00"),
        ("money", "0", "0.00"),
        ("money", "0.05254", "0.0525"),
        ("money", "-0.0000012345", "-0.00000123"),
        ("count", "1234.5", "1,234"),
        ("times", "20.954", "20.95 ×"),
        ("percent", "0.125", "12.5 %"),
    ],
)
def test_a_value_is_said_with_as_many_digits_as_say_something(shown: str, value: str, text: str) -> None:
    assert formatted(MeasureWords("t", "a", "b", shown), Decimal(value)) == text  # type: ignore[arg-type]
