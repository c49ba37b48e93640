"""Amounts, counts and shares in templates, written as everywhere else: `{{ cost|money:currency }}`."""

from decimal import Decimal

from django import template

from governance.charts.engine import numbers

register = template.Library()


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """As `governance.charts.engine.numbers.money`."""
    return numbers.money(amount, currency)


@register.filter
def unit_cost(amount: Decimal | None) -> str:
    """As `governance.charts.engine.numbers.unit_cost`."""
    return numbers.unit_cost(amount)


@register.filter
def count(number: int | None) -> str:
    """As `governance.charts.engine.numbers.count`."""
    return numbers.count(number)
