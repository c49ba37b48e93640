"""The catalogue refuses what it does not have in a sentence that helps."""

import pytest

from policies.guardrails.engine.facts import FactError, every_key, fact_key, unit_of
from policies.guardrails.engine.types import FactKey


@pytest.mark.parametrize(
    ("asked", "key", "unit"),
    [
        pytest.param(("cost", "24h", ""), FactKey("cost", "24h"), "money", id="cost of a day"),
        pytest.param(
            ("tokens", "period_to_date", ""), FactKey("tokens", "period_to_date"), "tokens", id="tokens so far"
        ),
        pytest.param(
            ("budget.used", "", ""), FactKey("budget.used", "", "money"), "money", id="money unless said otherwise"
        ),
        pytest.param(
            ("budget.used", "", "tokens"), FactKey("budget.used", "", "tokens"), "tokens", id="a budget in tokens"
        ),
        pytest.param(("budget.used_ratio", "", ""), FactKey("budget.used_ratio", "", "money"), "ratio", id="a ratio"),
        pytest.param(
            ("forecast.period_end.mid", "", "tokens"),
            FactKey("forecast.period_end.mid", "", "tokens"),
            "tokens",
            id="tokens that are expected",
        ),
        pytest.param(
            ("forecast.exhausted_in", "", ""),
            FactKey("forecast.exhausted_in", "", "money"),
            "seconds",
            id="how soon money is spent",
        ),
        pytest.param(
            ("quarantine.cost", "", ""), FactKey("quarantine.cost"), "money", id="money that waits in quarantine"
        ),
        pytest.param(("quarantine.records", "", ""), FactKey("quarantine.records"), "records", id="records that wait"),
        pytest.param(("data.age", "", ""), FactKey("data.age"), "seconds", id="the age of the data"),
    ],
)
def test_a_declared_fact_has_a_key_and_a_unit(asked: tuple[str, str, str], key: FactKey, unit: str) -> None:
    assert (fact_key(*asked), unit_of(key)) == (key, unit)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param(
            ("costs", "24h", ""), "unknown fact `costs` (did you mean `cost`?); known facts: cost, requests", id="typo"
        ),
        pytest.param(("cost", "", ""), "fact `cost` needs a window; choose one of 5m, 15m, 1h", id="no window"),
        pytest.param(
            ("cost", "2h", ""), "unknown window `2h` for fact `cost`; choose one of 5m", id="a window of two hours"
        ),
        pytest.param(
            ("data.age", "1h", ""), "fact `data.age` has no window; remove `window: 1h`", id="a window too many"
        ),
        pytest.param(("cost", "1h", "tokens"), "fact `cost` has no unit to choose", id="a unit too many"),
        pytest.param(("budget.used", "", "euros"), "unknown unit `euros`", id="an unknown unit"),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused_with_what_is(asked: tuple[str, str, str], message: str) -> None:
    with pytest.raises(FactError) as caught:
        fact_key(*asked)
    assert message in str(caught.value)


def test_every_key_is_accepted_by_the_catalogue() -> None:
    keys = every_key()
    assert [fact_key(key.fact, key.window, key.unit) for key in keys] == list(keys)
    assert len(keys) == len(set(keys)) == 6 * 8 + 9 * 4 + 3
