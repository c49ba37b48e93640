import json
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from allocation.outcomes.importers.taubench import BenchmarkImport, read_runs
from allocation.outcomes.models import Outcome
from allocation.outcomes.operations import record_outcomes
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.errors import DomainError
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED, needs_shared_data
from tests.allocation.unit_figures import line, of

RUNS = SHARED / "taubench" / "gpt-4o-airline.json"


def counted_by_hand() -> Iterator[tuple[int, int, int, int, bool]]:
    """Per run: calls, tokens, tokens of the first call, cost in 10^-9 dollars of gpt-4o, success. Written apart from
    the importer: every prefix is summed anew.
    """

    def tokens(message: dict[str, Any]) -> int:
        text = message["content"] or ""
        for call in message.get("tool_calls") or []:
            text += call["function"]["name"] + call["function"]["arguments"]
        return (len(text) + 3) // 4

    for run in json.loads(RUNS.read_text()):
        sizes = [tokens(message) for message in run["traj"]]
        turns = [place for place, message in enumerate(run["traj"]) if message["role"] == "assistant"]
        inputs = [sum(sizes[:place]) for place in turns]
        calls = list(zip(inputs, [0, *inputs], [sizes[place] for place in turns], strict=False))
        # $2.50 a million for fresh input, $1.25 for cached, $10 for output.
        cost = sum((sent - cached) * 2500 + cached * 1250 + output * 10_000 for sent, cached, output in calls)
        yield (
            len(calls),
            sum(sent + output for sent, _, output in calls),
            calls[0][0] + calls[0][2],
            cost,
            run["reward"] == 1.0,
        )


@needs_shared_data
def test_two_hundred_agent_runs_cost_what_a_count_by_hand_says(acme: Scope, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        call_command("outcomes", "import-taubench", str(RUNS), "--scope", "acme/search", "--start", "2026-11-02")
    said = "200 runs. Calls: {} accepted, {} there already, 0 quarantined. Outcomes: {} accepted, {} there already, 0"
    assert capsys.readouterr().out.splitlines() == [
        f"{said.format(*counts)} quarantined." for counts in ((2454, 0, 200, 0), (0, 2454, 0, 200))
    ]
    runs = list(counted_by_hand())
    calls, tokens, first, cost = (sum(run[place] for run in runs) for place in range(4))
    solved = sum(run[4] for run in runs)
    found = of(Scope.objects.get(path="acme/search"))
    money = Decimal(cost) / 10**9
    assert (calls, solved, found.cost) == (2454, 84, money)
    assert line(found, "action")[:2] == (money, 200)
    assert line(found, "outcome", "task_solved")[:2] == (money, 200)
    assert line(found, "successful_outcome", "task_solved")[:2] == (money, 84)
    assert line(found, "tokens_per_task")[:2] == (tokens, 200)
    multiplier = found.figure("token_multiplier").ratio
    assert (multiplier.numerator, multiplier.denominator) == (tokens, first)
    assert multiplier.value is not None
    assert round(multiplier.value, 2) == Decimal("20.95")
    assert 15 < statistics.median(run[1] / run[2] for run in runs) < 20


@needs_shared_data
def test_no_text_of_a_run_is_kept(acme: Scope) -> None:
    order = BenchmarkImport("acme/search", "airline", datetime(2026, 11, 2, tzinfo=UTC), "openai", "gpt-4o")
    runs = read_runs(RUNS, order)
    record_usage(events=runs.usage, key_scope_id=acme.pk, at=AT)
    record_outcomes(events=runs.outcomes, key_scope_id=acme.pk, at=AT)
    kept = json.dumps(
        [*UsageRecord.objects.values_list("event_id", "task_id", "model"), *Outcome.objects.values_list("event_id")]
    )
    assert "reservation" not in kept
    assert "mia" not in kept


@pytest.mark.parametrize("content", ["{}", "[{}]", "[1]", "nothing", '[{"task_id": 1, "trial": 0, "traj": [{}]}]'])
def test_another_file_is_refused(acme: Scope, tmp_path: Path, content: str) -> None:
    path = tmp_path / "runs.json"
    path.write_text(content)
    order = BenchmarkImport("acme/search", "airline", datetime(2026, 11, 2, tzinfo=UTC), "openai", "gpt-4o")
    with pytest.raises(DomainError) as refused:
        read_runs(path, order)
    assert refused.value.code == "file_unreadable"
