"""A real LiteLLM proxy, set up by the recipe's files, tells of its calls by callback and traces: each is one record,
though Weir is away meanwhile, and what the proxy still held when it was ended comes from its spend log.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.installation import Installation, eventually
from tests.journeys.litellm_proxy import RECIPE, VENV, Proxy, Served, provider, set_up, way_to

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(
        not VENV.exists() and "CI" not in os.environ,
        reason="`make .venv-litellm/.installed` makes the proxy's environment",
    ),
]

ORGANISATION = """
apiVersion: weir/v1
kind: Scope
metadata: {name: NAME}
spec: {kind: organisation, currency: USD}
---
"""
# For how long Weir is away; WEIR_TEST_AWAY_S=60 is the minute that the recipe promises to outlast (CONTRIBUTING.md).
AWAY_S = float(os.environ.get("WEIR_TEST_AWAY_S", "4"))
# Calls made before Weir goes away, while it is away, and in the last moments of the proxy, which it cannot tell of.
BEFORE, AWAY, LOST = range(120), range(120, 160), range(160, 200)
CALLS = """
    SELECT r.status, r.price_source = 'response_cache', r.model, count(*), sum(r.input_tokens), sum(r.output_tokens),
        sum(r.cost)
    FROM allocation_usagerecord r JOIN governance_scope s ON s.id = r.scope_id WHERE starts_with(s.path, %s)
    GROUP BY 1, 2, 3
"""
# Dollars per token in and out, as the list has them; of the model of one's own as the proxy is told.
RATES = {
    "gpt-4o": ("0.0000025", "0.00001"),
    "text-embedding-3-small": ("0.00000002", "0"),
    "in-house-7b": ("0.000001", "0.000002"),
}
KINDS = ("plain", "retry", "streamed", "fallback", "cut", "fail", "cached", "embed", "own", "plain")
CLIENTS = 8


class Clients:
    """Those who call the proxy, each with a prompt of its own, and what they saw."""

    def __init__(self, proxy: Proxy, run: str) -> None:
        self.proxy, self.run = proxy, run
        self.failed_attempts = self.cached = 0

    def call(self, number: int) -> tuple[int, int]:
        """Makes the call, and says how many first attempts failed for it and how many answers came from the cache."""
        kind = KINDS[number % len(KINDS)]
        prompt = f"{kind} {self.run} {number}"
        if kind == "embed":
            assert self.proxy.call("embeddings", {"model": "embed", "input": prompt}) == 200
            return 0, 0
        model = {"fallback": "primary", "own": "in-house", "cut": "gpt-4o-mini"}.get(kind, "gpt-4o")
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
        if kind in {"streamed", "cut"}:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        status = self.proxy.call("chat/completions", body, cut_after=100 if kind == "cut" else 0)
        assert status == (500 if kind == "fail" else 200), (kind, status)
        if kind == "cached":
            assert self.proxy.call("chat/completions", body) == 200
        return int(kind in {"retry", "fallback", "fail"}), int(kind == "cached")

    def make(self, numbers: range) -> None:
        with ThreadPoolExecutor(max_workers=CLIENTS) as people:
            made = list(people.map(self.call, numbers))
        assert len(made) == len(numbers)
        self.failed_attempts += sum(failed for failed, _ in made)
        self.cached += sum(cached for _, cached in made)


def counted(weir: Installation, name: str) -> dict[tuple[str, bool], int]:
    """Calls by status and whether the answer came from the proxy's cache."""
    found: dict[tuple[str, bool], int] = {}
    for status, is_cached, _, calls, *_ in weir.query(CALLS, name):
        found[status, is_cached] = found.get((status, is_cached), 0) + calls
    return found


def told(served: Served, clients: Clients) -> dict[tuple[str, bool], int]:
    """As `counted`, by what the provider and the clients know. LiteLLM tells of a request's first failed attempt."""
    return {
        ("success", False): len(served.successes()),
        ("success", True): clients.cached,
        ("error", False): clients.failed_attempts,
    }


def quantities(served: Served, model: str) -> tuple[int, int, Decimal]:
    """Tokens in and out of the model's calls, and their cost by the list."""
    calls = [call for call in served.successes() if call["model"] == model]
    rate_in, rate_out = map(Decimal, RATES[model])
    inside, outside = (sum(call[way] for call in calls) for way in ("input", "output"))
    return inside, outside, inside * rate_in + outside * rate_out


@pytest.mark.parametrize("second_set", [False, True], ids=["first attribute set", "second attribute set"])
def test_every_call_is_one_record_whatever_happens(weir: Installation, tmp_path: Path, *, second_set: bool) -> None:
    name = f"proxy-{2 if second_set else 1}"
    source = (RECIPE / "source.yaml").read_text().replace("acme", name)
    weir.apply(ORGANISATION.replace("NAME", name) + source, name=f"{name}.yaml")
    key = weir.key(name, "usage:write")
    served = Served()
    with provider(served) as provider_url, way_to(weir.url) as way:
        proxy = set_up(tmp_path, key=key, weir_url=way.url, provider_url=provider_url, second_set=second_set)
        proxy.start()
        try:
            clients = Clients(proxy, name)
            clients.make(BEFORE)
            with way.closed_for(AWAY_S):
                clients.make(AWAY)
            eventually(
                lambda: counted(weir, name), holds=lambda found: found == told(served, clients),
                within_s=60 + 2 * AWAY_S, what=f"as many records as calls, {told(served, clients)}",
            )  # fmt: skip
            way.closed.set()
            clients.make(LOST)
        finally:
            proxy.terminate()
    wanted = told(served, clients)
    # The spend log has no failed attempts of requests that succeeded in the end: of the last calls four were tried
    # again and four fell back.
    wanted["error", False] -= 8
    lost = sum(wanted.values()) - sum(counted(weir, name).values())
    assert lost > 0

    spend_log = str(proxy.spend_log)
    rows = len(proxy.spend_log.read_text().splitlines())
    importing = ("usage", "import", spend_log, "--format", "litellm-spend-log", "--scope", name)
    said = weir.weir(*importing)
    assert counted(weir, name) == wanted
    assert f"{rows} records read, {lost} accepted" in said
    assert "0 accepted" in weir.weir(*importing)

    found = {row[2]: row[4:] for row in weir.query(CALLS, name) if row[:2] == ("success", False)}
    assert {model: found[model] for model in RATES} == {model: quantities(served, model) for model in RATES}
    cut = [call for call in served.successes() if call["is_cut"]]
    assert len(cut) == 20
    assert 0 < found["gpt-4o-mini"][1] < sum(call["output"] for call in cut)
