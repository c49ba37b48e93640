"""One span or two each: what once came out wrong, and nothing else."""

import json
from typing import Any

import pytest

from allocation.usage.importers.otlp.reading import read_traces
from tests.allocation.conftest import needs_shared_data
from tests.allocation.otlp_bodies import as_json, as_protobuf
from tests.allocation.usage.importers.otlp.captured import FOLDER

pytestmark = needs_shared_data
CLAUDE = "claude-sonnet-4-5-20250929"
# (model, input, cached, written, output, reasoning, session) of each record.
WANTED: dict[str, list[tuple[Any, ...]]] = {
    "agent-step-no-model": [("agent_step", 0, 0, 0, 0, 0, "")],
    "cache-write-new-name": [(CLAUDE, 9202, 8000, 700, 72, 0, "")],
    "chat-without-usage": [("gpt-4o", 0, 0, 0, 0, 0, "")],
    "narrow-key-no-scope": [(CLAUDE, 9202, 0, 0, 72, 0, "")],
    "nested-same-response-id": [(CLAUDE, 9202, 0, 0, 72, 0, "")],
    "openinference-llm": [("gpt-4o", 1000, 0, 0, 100, 0, "")],
    "reasoning-details-name": [("gpt-5", 100, 0, 0, 400, 300, "")],
    "session-id-attribute": [(CLAUDE, 9202, 0, 0, 72, 0, "sess-7")],
    "unknown-op-with-tokens-above-chat": [("gpt-4o", 1000, 0, 0, 100, 0, "")],
}


def test_every_case_has_its_right_value() -> None:
    assert sorted(path.stem for path in (FOLDER / "minimal").glob("*.json")) == sorted(WANTED)


@pytest.mark.parametrize("case", WANTED)
def test_minimal(case: str) -> None:
    body = json.loads((FOLDER / "minimal" / f"{case}.json").read_text())
    for packed, encoding in ((as_json(body), "json"), (as_protobuf(body), "protobuf")):
        received = read_traces(packed, encoding=encoding, records_max=9, price="catalogue")  # type: ignore[arg-type]
        assert received.refused == []
        assert [
            (event.model, tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning,
             event.session_id)
            for event in received.events
            for tokens in (event.tokens,)
        ] == WANTED[case]  # fmt: skip
