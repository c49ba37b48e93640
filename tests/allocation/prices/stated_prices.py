from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from allocation.prices.documents import PriceSpec

START = datetime(2026, 1, 1, tzinfo=UTC)


DAYS = 12


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@st.composite
def entries(draw: st.DrawFn) -> PriceSpec:
    since = draw(st.integers(0, DAYS - 1))
    until = draw(st.none() | st.integers(since + 1, DAYS))
    return PriceSpec(
        provider="p",
        model=draw(st.sampled_from("ab")),
        effective_from=day(since),
        effective_to=None if until is None else day(until),
        input=Decimal(draw(st.integers(1, 3))),
    )
