"""What the Mooncake trace costs, worked out without Weir: gpt-4o at $2.50, cached $1.25 and output $10 per million
tokens; a leading 512-token block seen in an earlier line is cached; each record rounded half to even at nine places;
five teams in turn."""

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path


def sums(path: Path) -> dict[int, tuple[int, int, int, int, Decimal]]:
    """By team (0-4): requests, input, cached and output tokens, cost."""
    seen: set[int] = set()
    found: dict[int, list[int | Decimal]] = defaultdict(lambda: [0, 0, 0, 0, Decimal(0)])
    for number, line in enumerate(path.read_text().splitlines()):
        row = json.loads(line)
        hits = 0
        while hits < len(row["hash_ids"]) and row["hash_ids"][hits] in seen:
            hits += 1
        seen.update(row["hash_ids"])
        cached = min(512 * hits, row["input_length"])
        cost = (
            Decimal("2.5") * (row["input_length"] - cached) + Decimal("1.25") * cached + 10 * row["output_length"]
        ) / 10**6
        for place, value in enumerate(
            [1, row["input_length"], cached, row["output_length"], cost.quantize(Decimal("1e-9"))]
        ):
            found[number % 5][place] += value
    return {team: tuple(values) for team, values in found.items()}  # type: ignore[misc]  # five values each
