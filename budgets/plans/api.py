"""How amounts of budgets are written in requests and answers."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers


class AmountField(serializers.DecimalField):
    """A decimal as text: a JSON number would be a float on most sides of the wire."""

    default_error_messages = {"float": 'An amount is quoted, so that it is exact: "100.00".'}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=30, decimal_places=9, normalize_output=True, **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, float):
            self.fail("float")
        return super().to_internal_value(data)
