"""The overshoot bound as it stands in answers about budgets."""

from typing import Any

from rest_framework import serializers

from budgets.plans.api import AmountField
from budgets.reservations.engine.bounds import OvershootBound


class OvershootBoundOut(serializers.Serializer[Any]):
    """How much more may be used, or was already, than is recorded; with all budgets below."""

    total = AmountField(help_text="At most so much.")
    leases = AmountField(help_text="Leased, and drawn down without a word until told.")
    holds = AmountField(help_text="Held for calls under way.")
    unsettled = AmountField(
        help_text="Drawn beyond what was leased; and held by what expired within the last hour: it may be told of yet."
    )
    unreported = AmountField(help_text="The age of the data times what is used an hour: what has not been told of yet.")
    burn_per_hour = AmountField(help_text="Used in the last hour that the feed told of.")
    data_age_seconds = serializers.IntegerField(
        source="data_age_s", allow_null=True, help_text="Since the organisation's feed delivered; null: never."
    )


def bound_shown(bound: OvershootBound | None) -> Any:
    """None where the period has no account yet: nothing is under way."""
    return OvershootBoundOut(bound).data if bound is not None else None
