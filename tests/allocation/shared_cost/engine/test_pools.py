"""Pools one after the other: what earlier ones gave is passed on, circles and double sharing are refused."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.shared_cost.engine.pools import Pool, PoolsRefused, split_pools
from allocation.shared_cost.engine.splitting import Recipient

D = Decimal


def pool(name: str, origin: str, own: str, *to: str, **changes: Any) -> Pool:
    given_: dict[str, Any] = {
        "version": 1, "source": "usage", "unit": "Recipients", "method": "even", "when_zero": "fail",
        "departed": "redistribute",
    }  # fmt: skip
    recipients = tuple(Recipient(path, D(1)) for path in to)
    return Pool(name=name, origin=origin, own_amount=D(own), recipients=recipients, **{**given_, **changes})


def test_what_a_pool_was_given_it_passes_on() -> None:
    platform = pool("a-platform", "acme/platform", "100", "acme/search", "acme/ads")
    gateway = pool("gateway", "acme/gateway", "30", "acme/platform/base", "acme/search", "acme/ads")
    first, second = split_pools([platform, gateway])
    assert (first.pool.name, first.received, first.amount) == ("gateway", D(0), D(30))
    assert (second.pool.name, second.received, second.amount) == ("a-platform", D(10), D(110))
    assert [(share.target, share.amount) for share in second.shares] == [("acme/ads", D(55)), ("acme/search", D(55))]


def test_an_amount_from_outside_is_shared_as_it_is() -> None:
    licence = pool("licence", "acme/platform", "12", "acme/search", source="amount")
    gateway = pool("gateway", "acme/gateway", "30", "acme/platform")
    assert {one.pool.name: one.amount for one in split_pools([licence, gateway])} == {"gateway": 30, "licence": 12}


def test_pools_that_share_in_a_circle_are_refused_by_name() -> None:
    circle = [
        pool("a", "acme/a", "1", "acme/b"),
        pool("b", "acme/b", "1", "acme/c/inner"),
        pool("c", "acme/c", "1", "acme/a"),
        pool("d", "acme/d", "1", "acme/a"),
    ]
    with pytest.raises(PoolsRefused, match="a: pools share in a circle: a → b → c → a"):
        split_pools(circle)


def test_an_heir_closes_a_circle_too() -> None:
    gone = Recipient("acme/b/gone", D(1), is_departed=True, heir="acme/b")
    one = pool("a", "acme/a", "1", departed="to_parent")
    one = Pool(**{**{name: getattr(one, name) for name in Pool.__slots__}, "recipients": (gone,)})
    with pytest.raises(PoolsRefused, match="circle"):
        split_pools([one, pool("b", "acme/b", "1", "acme/a")])


def test_the_same_usage_is_shared_once() -> None:
    with pytest.raises(PoolsRefused, match="inner: its usage of acme/a/b is part of what outer shares"):
        split_pools([pool("inner", "acme/a/b", "1", "acme/c"), pool("outer", "acme/a", "1", "acme/c")])


def test_a_pool_that_may_not_split_says_so_by_name() -> None:
    with pytest.raises(PoolsRefused, match="lonely: nobody to share to, and it says when_zero: fail"):
        split_pools([pool("lonely", "acme/a", "1")])


@given(
    st.lists(st.decimals(min_value=-(10**6), max_value=10**6, places=9), min_size=1, max_size=6),
    st.sampled_from(["redistribute", "keep_in_pool", "to_parent"]),
    st.data(),
)
def test_nothing_is_made_and_nothing_is_lost(costs: list[Decimal], departed: Any, data: Any) -> None:
    """Scope n has its own cost; the pool of scope n gives to later scopes only, so there is no circle."""
    count = len(costs) + 2
    pools = []
    for number, cost in enumerate(costs):
        drawn = data.draw(st.sets(st.integers(number + 1, count), max_size=4))
        recipients = tuple(
            Recipient(f"o/{one}", D(data.draw(st.integers(0, 9))), data.draw(st.booleans()), "o") for one in drawn
        )
        made = pool(f"p{number}", f"o/{number}", str(cost), when_zero="keep_in_pool", departed=departed)
        pools.append(Pool(**{**{name: getattr(made, name) for name in Pool.__slots__}, "recipients": recipients}))
    loaded = {f"o/{number}": cost for number, cost in enumerate(costs)}
    for one in split_pools(pools):
        assert sum(share.amount for share in one.shares) == one.amount
        for share in one.shares:
            loaded[one.pool.origin] -= share.amount
            target = share.target or one.pool.origin
            loaded[target] = loaded.get(target, D(0)) + share.amount
    assert sum(loaded.values()) == sum(costs)
