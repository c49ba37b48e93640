"""Titles and formats of the figures of unit economics, and the records behind each."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from allocation.unit_economics.engine.unit_economics import ACTION, OUTCOME, Measure
from governance.charts.engine.numbers import percent, unit_cost

ValueFormat = Literal["money", "count", "times", "percent"]
Source = Literal["usage", "tasks", "outcomes"]


@dataclass(frozen=True, slots=True)
class MeasureWords:
    """`numerator` and `denominator` name the two parts of the ratio; `source` is the kind of records they sum."""

    title: str
    numerator: str
    denominator: str
    value_format: ValueFormat
    source: Source = "usage"


_WORDS: Mapping[str, MeasureWords] = {
    "inference": MeasureWords("Cost per inference", "cost of inference", "priced inferences", "money"),
    "1k_tokens": MeasureWords(
        "Cost per 1,000 tokens", "cost of calls with tokens", "thousands of priced tokens", "money"
    ),
    "action": MeasureWords("Cost per action (task)", "cost of all calls of tasks", "tasks begun", "money", "tasks"),
    "outcome": MeasureWords("Cost per outcome", "whole cost of the scope", "outcomes", "money", "outcomes"),
    "successful_outcome": MeasureWords(
        "Cost per successful outcome", "whole cost of the scope", "successful outcomes", "money", "outcomes"
    ),
    "gpu_hour": MeasureWords("Cost per useful GPU hour", "cost of usage with GPU time", "GPU hours used", "money"),
    "tokens_per_task": MeasureWords("Tokens per task", "tokens of all calls of tasks", "tasks begun", "count", "tasks"),
    "tokens_per_task_against_baseline": MeasureWords(
        "Tokens per task against the 28 days before", "tokens per task", "tokens per task before", "times", "tasks"
    ),
    "token_multiplier": MeasureWords(
        "Agent against a single shot", "tokens of all calls of tasks", "tokens of their first calls", "times", "tasks"
    ),
    "cache_hit_ratio": MeasureWords("Cache hits", "cached input tokens", "input tokens", "percent"),
    "gpu_utilisation": MeasureWords("GPU utilisation", "GPU seconds used", "GPU seconds reserved", "percent"),
    "cost_share": MeasureWords("Share of cost", "cost of the activity", "whole cost of the scope", "percent"),
    "unpriced_share": MeasureWords("Unpriced", "unpriced requests", "successful requests", "percent"),
    "unattributed_share": MeasureWords(
        "Unattributed", "unattributed cost of the organisation", "cost of the organisation", "percent"
    ),
}


def words_of(measure: Measure) -> MeasureWords:
    """The words of a measure, with its name in the title."""
    known = _WORDS[measure.key]
    if not measure.name:
        return known
    title = f"{known.title}: {measure.name}"
    if measure.key == ACTION:
        return MeasureWords(
            f"Cost per action: {measure.name}", "whole cost of the scope", "such actions", "money", "outcomes"
        )
    return MeasureWords(title, known.numerator, known.denominator, known.value_format, known.source)


def filters_of(measure: Measure) -> dict[str, str]:
    """Query parameters that narrow a source's records to those of the figure, beside scope and days."""
    match measure.key:
        case "inference":
            return {"activity": "inference"}
        case "cost_share":
            return {"activity": measure.name}
        case "outcome" | "successful_outcome":
            named = {"name": measure.name} if measure.name else {}
            success = {"success": "true"} if measure.key == "successful_outcome" else {}
            return {"kind": OUTCOME, **named, **success}
        case "action":
            return {"kind": ACTION, "name": measure.name} if measure.name else {}
        case "unpriced_share":
            return {"unpriced": "true"}
        case (
            "1k_tokens"
            | "cache_hit_ratio"
            | "cost"
            | "gpu_hour"
            | "gpu_utilisation"
            | "token_multiplier"
            | "tokens_per_task"
            | "tokens_per_task_against_baseline"
            | "unattributed_share"
        ):
            return {}


def formatted(words: MeasureWords, value: Decimal) -> str:
    """Such as 1,234.50; 0.0525 (three digits below one); 20.95 ×; 12.5 %."""
    match words.value_format:
        case "money":
            return unit_cost(value)
        case "count":
            return f"{value:,.0f}"
        case "times":
            return f"{value:,.2f} ×"
        case "percent":
            return percent(value)
