from typing import Any

from django.utils import timezone
from rest_framework import serializers

from allocation.meters.engine.months import Month


def exact(**options: Any) -> serializers.DecimalField:
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
    found: Month | None = wanted.get("month")
    return found or Month.of(timezone.now().date())


BY_NAME = ("name", "-version")
SUM_DIGITS = 40
