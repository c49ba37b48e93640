"""What a real LiteLLM proxy posted, posted again: counted once, priced as asked, and no prompt text anywhere."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.journeys.installation import ROOT, Installation

SAMPLES = ROOT.parent / "shared/data/litellm"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(not SAMPLES.exists(), reason="the shared sample data is not here"),
]

ORGANISATION = """
apiVersion: weir/v1
kind: Scope
metadata: {name: NAME}
spec: {kind: organisation, currency: USD}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: NAME/bench}
spec: {kind: team}
---
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: NAME}
spec:
  organisation: NAME
  rules:
    - {when: {team: t-bench}, scope: NAME/bench}
"""


PROMPT = "a prompt that only its author may read"
ANSWER = "an answer that only its reader may read"


def payloads(name: str) -> list[dict[str, Any]]:
    """A capture as sent, with texts put where people's words stand (the proxy had redacted its own)."""
    captured: list[dict[str, Any]] = json.loads((SAMPLES / f"logging_payload_{name}.json").read_text())
    for payload in captured:
        payload["messages"] = [{"role": "user", "content": PROMPT}]
        payload["response"] = {"choices": [{"message": {"role": "assistant", "content": ANSWER}}]}
        payload["error_str"] = payload["error_str"] and f"refused: {PROMPT}"
        payload["model_parameters"] = {"tools": [{"description": PROMPT}]}
    return captured


@pytest.mark.parametrize("price", ["billed", "catalogue"])
def test_posted_twice_counted_once(weir: Installation, price: str) -> None:
    organisation = f"litellm-{price}"
    weir.apply(ORGANISATION.replace("NAME", organisation), name=f"{organisation}.yaml")
    key = weir.key(organisation, "usage:write", "usage:read")
    captures = [payloads("small"), payloads("batch")]
    sent = [payload for capture in captures for payload in capture]
    failures = [one for one in sent if one["status"] == "failure"]
    successes = [one for one in sent if one["status"] == "success"]
    assert (len(failures), len(successes)) == (2, 49)

    for accepted in ([4, 47], [0, 0]):
        answers = [weir.post(f"/api/v1/usage/litellm?price={price}", capture, key=key) for capture in captures]
        assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
        counted = [answer.json() for answer in answers]
        assert [(one["accepted"], one["rejected"]) for one in counted] == [(n, []) for n in accepted]

    totals = """
        SELECT status, count(*), sum(cost), count(*) FILTER (WHERE cost IS NULL) FROM allocation_usagerecord r
        JOIN governance_scope s ON s.id = r.scope_id WHERE s.path = %s OR starts_with(s.path, %s) GROUP BY 1 ORDER BY 1
    """
    found = weir.query(totals, organisation, f"{organisation}/")
    claimed = sum((Decimal(str(one["response_cost"])) for one in successes), Decimal(0))
    failed = ("error", len(failures), None, len(failures))
    match price:
        case "billed":
            assert found == [failed, ("success", len(successes), claimed, 0)]
        case _:
            # The mock model is in no catalogue: visible as unpriced, never zero.
            assert found == [failed, ("success", len(successes), None, len(successes))]


def test_no_prompt_or_answer_is_anywhere(weir: Installation) -> None:
    dump = weir.dump()
    logs = [path.read_text(errors="replace") for path in (weir.folder / "data" / "log").iterdir()]
    assert "gpt-mock" in dump
    assert logs
    assert [text for text in (PROMPT, ANSWER) if any(text in kept for kept in (dump, *logs))] == []
