from decimal import Decimal

from allocation.usage.engine.call_prices import NO_PRICE
from allocation.usage.engine.columns import columns_of
from allocation.usage.engine.counted import counted
from tests.allocation.usage.costed import NOON_S, costed


def test_calls_become_columns_with_the_places_of_their_names() -> None:
    first = counted([costed(1), costed(2, scope_id=8, model="a", price=NO_PRICE, requests=3)], received_s=5.5)
    second = counted([costed(3, after_s=0.25, gpu_seconds=Decimal("1.5"))], received_s=6.0)
    names, columns = columns_of([first, counted([]), second])
    assert names == [("openai", "a", "inference"), ("openai", "gpt-4o", "inference")]
    instants = f"{{{NOON_S},{NOON_S},{NOON_S + 0.25}}}"
    assert columns == [
        instants, "{7,8,7}", "{2,1,2}", "{1,3,1}", "{}", "{1000,1000,1000}", "{}", "{}", "{100,100,100}", "{}",
        '{null,null,"1.5"}', "{1000,null,1000}", "{}", "{}", instants, "{5.5,5.5,6.0}",
    ]  # fmt: skip


def test_without_calls_there_are_no_names() -> None:
    assert columns_of([counted([])])[0] == []
