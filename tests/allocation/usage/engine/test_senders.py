"""Which records of two senders tell of one call."""

from decimal import Decimal
from typing import Any

import pytest

from allocation.usage.engine.call_prices import Priced
from allocation.usage.engine.senders import EarlierRecord, is_told_of, kept_apart
from tests.allocation.usage.costed import costed

EARLIER = EarlierRecord("first", "openai", "gpt-4o", "genai-prices", Decimal("0.000001"), 1, 1000, 100, Decimal(0), {})
LISTED = Priced("genai-prices", "", 1000)


@pytest.mark.parametrize(
    ("stands", "tells", "same"),
    [
        ({}, {}, True),
        ({"cost": Decimal(0)}, {}, True),
        ({"cost": None}, {}, False),
        ({"cost": Decimal(0), "price_source": "provider"}, {}, False),
        ({"cost": Decimal(0), "price_source": "response_cache"}, {}, False),
        ({"cost": Decimal(0)}, {"price": Priced("provider", "", 1000)}, False),
        ({"cost": Decimal(0), "model": "gpt-4o-mini"}, {}, False),
        ({"cost": Decimal(1), "model": "gpt-4o-mini"}, {}, True),
        ({"input_tokens": 999}, {}, False),
        ({"output_tokens": 99}, {}, False),
        ({"requests": 0}, {}, False),
        ({}, {"gpu_seconds": Decimal(1)}, False),
        ({"gpu_seconds": Decimal(1)}, {"gpu_seconds": Decimal(1)}, True),
        ({}, {"price": LISTED._replace(rare={"image_output": Decimal(5)})}, True),
        ({}, {"price": LISTED._replace(rare={"web_search": Decimal(1)})}, False),
        ({"quantities": {"web_search": "1"}}, {"price": LISTED._replace(rare={"web_search": Decimal(1)})}, True),
        ({"cost": Decimal(1)}, {"price": Priced("provider", "", -5)}, False),
        ({"cost": Decimal(-1)}, {"price": Priced("provider", "", -(10**9))}, True),
        ({"cost": Decimal(-1), "price_source": "provider"}, {}, False),
    ],
)
def test_another_senders_tells_of_the_same_where_it_counts_no_more(
    stands: dict[str, Any], tells: dict[str, Any], same: bool
) -> None:
    record = costed(**{"price": LISTED, **tells})._replace(sender="second")
    assert is_told_of(EARLIER._replace(**stands), record) is same
    assert is_told_of(EARLIER._replace(**stands, sender="second"), record)
    assert is_told_of(EARLIER._replace(**stands, sender=""), record)


def test_a_record_kept_apart_has_an_identity_of_its_sender() -> None:
    shared = costed(1)
    first, second = (kept_apart(shared._replace(sender=sender)) for sender in ("first", "second"))
    assert len({shared.id, first.id, second.id}) == 3
    assert first.key == second.key == shared.key
    assert first.identity_of("1") == first.id
