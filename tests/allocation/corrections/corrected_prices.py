from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from allocation.corrections.models import Adjustment
from allocation.corrections.operations import rerate_usage
from allocation.usage.models import UsageCharge, UsageDay, UsageHour, UsageMinute, UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM

BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {{name: contract}}
spec:
  organisation: acme
  prices:
    - {{provider: openai, model: gpt-4o, effective_from: 2026-01-01, input: "{price}", cached_input: "1", output: "10"}}
"""


NOVEMBER = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def costs(scope: Scope) -> list[Decimal]:
    """The same by minute, hour, day, charge and record with its adjustments."""
    rollups = (UsageMinute, UsageHour, UsageDay)
    stored = [sum(model.objects.filter(scope=scope).values_list("cost", flat=True)) for model in rollups]
    charged = sum(UsageCharge.objects.filter(scope=scope).values_list("effective_cost", flat=True))
    recorded = sum(UsageRecord.objects.filter(scope=scope, cost__isnull=False).values_list("cost", flat=True))
    adjusted = sum(Adjustment.objects.filter(scope=scope).values_list("cost", flat=True))
    return [Decimal(each) for each in (*stored, charged, recorded + adjusted)]


def rerate(acme: Scope, **changes: Any) -> Any:
    since, until = changes.pop("period", NOVEMBER)
    wanted = {"organisation": acme, "since": since, "until": until, "reason": "The contract", "actor": SYSTEM, "at": AT}
    return rerate_usage(**{**wanted, **changes})
