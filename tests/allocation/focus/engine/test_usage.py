import csv
import io
from typing import Any

import pytest

from allocation.focus.engine.layout import EXPORTED
from allocation.focus.engine.reading import Charge, Reader
from allocation.focus.engine.usage import usage_of
from tests.allocation.focus.engine.written import KIND, amounts, written


@pytest.mark.parametrize("version", EXPORTED)
@pytest.mark.parametrize(
    "meter", ["input", "cached_input", "cache_write", "output", "reasoning", "request", "gpu_hour"]
)
def test_a_line_reads_back_as_the_meter_it_was(version: Any, meter: str) -> None:
    text = written(version, (KIND._replace(meter=meter, service_tier="batch"), amounts(quantity="12.0")))
    header, row = list(csv.reader(io.StringIO(text)))
    charge = Reader(header, currency="EUR").read([cell or None for cell in row])
    assert isinstance(charge, Charge)
    event = usage_of(charge, event_id="1", source="focus")
    assert isinstance(event, dict)
    counted = {"tokens": event.get("tokens"), "requests": event.get("requests"), "gpu": event.get("gpu_seconds")}
    assert {name: value for name, value in counted.items() if value is not None} == {
        "input": {"tokens": {"input": 12}},
        "cached_input": {"tokens": {"input": 12, "cached_input": 12}},
        "cache_write": {"tokens": {"input": 12, "cache_write": 12}},
        "output": {"tokens": {"output": 12}},
        "reasoning": {"tokens": {"output": 12, "reasoning": 12}},
        "request": {"requests": 12},
        "gpu_hour": {"gpu": "43200.000000"},
    }[meter]
    assert (event["provider"], event["model"], event["service_tier"]) == ("openai", "gpt-4o", "batch")
    assert event["cost"] == {"amount": "16.8", "currency": "USD"}
    assert charge.notes == ()
