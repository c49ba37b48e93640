import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from allocation.prices.documents import PriceSpec
from allocation.prices.importers.litellm import read_litellm

START = datetime(2026, 1, 1, tzinfo=UTC)


def read(row: dict[str, Any], name: str = "m", **options: Any) -> Any:
    text = json.dumps({name: {"litellm_provider": "openai", "mode": "chat", **row}})
    return read_litellm(text, effective_from=START, **options)


def decimals(**prices: str) -> dict[str, Decimal]:
    return {meter: Decimal(price) for meter, price in prices.items()}


def entry(price: str, start: str = "2026-01-01", model: str = "gpt-x", **more: Any) -> PriceSpec:
    return PriceSpec.model_validate(
        {"provider": "openai", "model": model, "effective_from": start, "input": price, **more}
    )
