"""Fields that the APIs of allocation share: exact amounts and calendar months."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from allocation.meters.engine.months import Month

BY_NAME = ("name", "-version")
SUM_DIGITS = 40


def exact(**options: Any) -> serializers.DecimalField:
    """An amount with nine places, wide enough for sums."""
    return serializers.DecimalField(max_digits=SUM_DIGITS, decimal_places=9, **options)


class MonthField(serializers.CharField):
    default_error_messages = {"no_month": "Write a month such as 2026-10."}

    def to_internal_value(self, data: Any) -> Any:
        month = Month.read(super().to_internal_value(data))
        if month is None:
            self.fail("no_month")
        return month

    def to_representation(self, value: Any) -> str:
        return str(value)


def month_field(**options: Any) -> MonthField:
    return MonthField(help_text="A calendar month in UTC, such as 2026-10.", **options)


def month_asked(wanted: dict[str, Any]) -> Month:
    """The month asked for, else the current one in UTC."""
    month: Month | None = wanted.get("month")
    return month or Month.of(timezone.now().date())
