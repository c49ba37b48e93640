"""A production trace through a mapping file: totals equal an independent sum, a second import changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from tests.journeys.installation import ROOT, Installation

TRACE = ROOT.parent / "shared/data/mooncake/conversation_trace.jsonl"
TEAMS = ["search", "support", "coding", "research", "assistant"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(not TRACE.exists(), reason="the shared sample data is not here"),
]


def independent_sums() -> list[tuple[str, int, int, int, int, Decimal]]:
    """Requests, input, cached input, output and dollars by team: gpt-4o at 2.50, 1.25 and 10.00 per million."""
    requests, fresh, cached, output = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    seen: set[int] = set()
    for number, line in enumerate(TRACE.read_text().splitlines()):
        call, team = json.loads(line), TEAMS[number % len(TEAMS)]
        blocks = call["hash_ids"]
        hits = next((n for n, block in enumerate(blocks) if block not in seen), len(blocks))
        seen.update(blocks)
        hit_tokens = min(hits * 512, call["input_length"])
        requests[team] += 1
        cached[team] += hit_tokens
        fresh[team] += call["input_length"] - hit_tokens
        output[team] += call["output_length"]
    rates = Decimal("2.50"), Decimal("1.25"), Decimal("10.00")
    return [
        (f"mooncake/{team}", requests[team], fresh[team] + cached[team], cached[team], output[team],
         (fresh[team] * rates[0] + cached[team] * rates[1] + output[team] * rates[2]) / 10**6)
        for team in sorted(TEAMS)
    ]  # fmt: skip


STORED = """
    SELECT s.path, sum(requests)::bigint, sum(input_tokens)::bigint, sum(cached_input_tokens)::bigint,
           sum(output_tokens)::bigint, sum(cost)
    FROM {table} u JOIN governance_scope s ON s.id = u.scope_id WHERE starts_with(s.path, 'mooncake/')
    GROUP BY 1 ORDER BY 1
"""


def test_the_trace_is_counted_and_priced_like_an_independent_sum(weir: Installation) -> None:
    scopes = [("mooncake", "organisation"), *((f"mooncake/{team}", "team") for team in TEAMS)]
    weir.apply(
        "---\n".join(
            f"apiVersion: weir/v1\nkind: Scope\nmetadata: {{name: {path}}}\nspec: {{kind: {kind}}}\n"
            for path, kind in scopes
        ),
        name="mooncake-scopes.yaml",
    )
    mapping = weir.folder / "mooncake.yaml"
    mapping.write_text((ROOT / "allocation/usage/mappings/mooncake.yaml").read_text().replace("acme/", "mooncake/"))
    words = ["usage", "import", str(TRACE), "--format", "jsonl", "--mapping", str(mapping), "--scope", "mooncake"]

    weir.weir(*words)
    assert weir.query(STORED.format(table="allocation_usagerecord")) == independent_sums()
    assert weir.query(STORED.format(table="allocation_usageday")) == independent_sums()

    weir.weir(*words)
    assert weir.query(STORED.format(table="allocation_usagerecord")) == independent_sums()
