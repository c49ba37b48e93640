from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from allocation.prices.engine.exchange import RateMissing, exchange_rates
from allocation.usage.models import UsageRecord

DAY_OF_1970 = date(1970, 1, 1).toordinal()


def test_the_longest_rate_fits_beside_a_record() -> None:
    longest = Decimal("123456.12345678")
    rates = exchange_rates("USD", [("USD", "EUR", date(2026, 1, 1), longest)])
    rate = rates.on("EUR", date(2026, 1, 2).toordinal() - DAY_OF_1970)
    assert not isinstance(rate, RateMissing)
    assert len(f"999999 {rate.name}") <= UsageRecord._meta.get_field("price_version").max_length  # type: ignore[operator]


DAYS = st.dates(date(2026, 1, 1), date(2026, 2, 1))


VALUES = st.decimals(min_value=Decimal("0.0001"), max_value=1000, places=4)


@given(st.lists(st.tuples(DAYS, VALUES), max_size=9), DAYS)
def test_the_last_statement_for_the_last_day_before_holds(stated: list[tuple[date, Decimal]], on: date) -> None:
    rates = exchange_rates("USD", [("EUR", "USD", day, value) for day, value in stated])
    before = [day for day, _ in stated if day <= on]
    found = rates.on("EUR", on.toordinal() - DAY_OF_1970)
    if not before:
        assert found == RateMissing("EUR", "USD", on)
        return
    wanted = [value for day, value in stated if day == max(before)][-1]
    assert not isinstance(found, RateMissing)
    assert found.convert(Decimal(3)) == 3 * wanted


@given(VALUES, st.decimals(min_value=0, max_value=10**6, places=6))
def test_an_inverse_rate_leads_back_to_the_amount(value: Decimal, amount: Decimal) -> None:
    rates = exchange_rates("USD", [("USD", "EUR", date(2026, 1, 1), value)])
    rate = rates.on("EUR", date(2026, 1, 2).toordinal() - DAY_OF_1970)
    assert not isinstance(rate, RateMissing)
    assert abs(rate.convert(amount) * value - amount) < Decimal("1e-15")
