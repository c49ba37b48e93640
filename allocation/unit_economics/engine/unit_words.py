"""How the figures of unit economics are called, and which records stand behind each."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from allocation.unit_economics.engine.unit_economics import ACTION, OUTCOME, Measure
from governance.charts.engine.numbers import money, percent, small

Shown = Literal["money", "count", "times", "percent"]
Source = Literal["usage", "tasks", "outcomes"]


@dataclass(frozen=True, slots=True)
class Words:
    """`above` and `below` say what stands above and below the line; `source` whose records both are made of."""

    title: str
    above: str
    below: str
    shown: Shown
    source: Source = "usage"


_WORDS: Mapping[str, Words] = {
    "inference": Words("Cost per inference", "cost of inference", "priced inferences", "money"),
    "1k_tokens": Words("Cost per 1,000 tokens", "cost of calls with tokens", "thousands of priced tokens", "money"),
    "action": Words("Cost per action (task)", "cost of all calls of tasks", "tasks begun", "money", "tasks"),
    "outcome": Words("Cost per outcome", "whole cost of the scope", "outcomes", "money", "outcomes"),
    "successful_outcome": Words(
        "Cost per successful outcome", "whole cost of the scope", "successful outcomes", "money", "outcomes"
    ),
    "gpu_hour": Words("Cost per useful GPU hour", "cost of usage with GPU time", "GPU hours used", "money"),
    "tokens_per_task": Words("Tokens per task", "tokens of all calls of tasks", "tasks begun", "count", "tasks"),
    "tokens_per_task_against_baseline": Words(
        "Tokens per task against the 28 days before", "tokens per task", "tokens per task before", "times", "tasks"
    ),
    "token_multiplier": Words(
        "Agent against a single shot", "tokens of all calls of tasks", "tokens of their first calls", "times", "tasks"
    ),
    "cache_hit_ratio": Words("Cache hits", "cached input tokens", "input tokens", "percent"),
    "gpu_utilisation": Words("GPU utilisation", "GPU seconds used", "GPU seconds reserved", "percent"),
    "cost_share": Words("Share of cost", "cost of the activity", "whole cost of the scope", "percent"),
    "unpriced_share": Words("Unpriced", "unpriced requests", "successful requests", "percent"),
    "unattributed_share": Words(
        "Unattributed", "unattributed cost of the organisation", "cost of the organisation", "percent"
    ),
}


def words_of(measure: Measure) -> Words:
    known = _WORDS[measure.key]
    if not measure.name:
        return known
    title = f"{known.title}: {measure.name}"
    if measure.key == ACTION:
        return Words(f"Cost per action: {measure.name}", "whole cost of the scope", "such actions", "money", "outcomes")
    return Words(title, known.above, known.below, known.shown, known.source)


def filters_of(measure: Measure) -> dict[str, str]:
    """What narrows the records of the figure's source, beside scope and days."""
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


def said(words: Words, value: Decimal) -> str:
    """1,234.50; 0.0525, three digits, below one; 20.95 ×; 12.5 %."""
    match words.shown:
        case "money":
            return money(value) if abs(value) >= 1 else small(value)
        case "count":
            return f"{value:,.0f}"
        case "times":
            return f"{value:,.2f} ×"
        case "percent":
            return percent(value)
