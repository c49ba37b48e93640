"""Real nginx and real Envoy, by the shipped files, before a model: what Weir decides holds."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from config.front.parsers import IS_INSTALLED
from tests.journeys.admin_session import AdminSession
from tests.journeys.installation import Installation, eventually, free_port
from tests.journeys.litellm_proxy import serving
from tests.journeys.proxies import ANSWER, ENVOY, NGINX, Models, envoy, nginx
from tests.journeys.test_month_of_a_team import usage

pytestmark = [
    pytest.mark.slow, pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(not IS_INSTALLED, reason="httptools and uvloop are not installed: `make .venv-dev/.installed`"),
]  # fmt: skip
Proxy = Callable[..., AbstractContextManager[str]]
PROXIES = [
    pytest.param(
        nginx,
        id="nginx",
        marks=pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx"),
    ),
    pytest.param(
        envoy, id="envoy", marks=pytest.mark.skipif(not ENVOY.exists(), reason="no Envoy: make .venv-envoy/.installed")
    ),
]


@dataclass
class Road:
    weir: Installation
    key: str
    organisation: str
    models: int
    finance: AdminSession
    second: AdminSession

    def by(self, proxy: Proxy, *, weir: int | None = None) -> AbstractContextManager[str]:
        return proxy(
            weir=self.weir.port if weir is None else weir,
            models=self.models,
            key=self.key,
            organisation=self.organisation,
        )

    def released(self) -> None:
        """Finance grants more, until nothing is held back."""
        [(budget,)] = self.weir.query(
            "SELECT b.id FROM budgets_budget b JOIN governance_scope s ON s.id = b.scope_id WHERE s.path = %s",
            f"{self.organisation}/search",
        )
        self.finance.act("budgets/budget", "grant", str(budget), {"amount": "100", "reason": "More."})
        self.second.act("budgets/budget", "approve_grant", str(budget), {"reason": "Agreed."})
        eventually(self.blocked, holds=lambda count: count == 0, within_s=20, what="still blocked")

    def spend(self, cost: str) -> None:
        self.weir.post("/api/v1/usage", usage(f"{self.organisation}/search", cost), key=self.key)
        eventually(self.blocked, holds=lambda count: count == 1, within_s=20, what="not blocked")

    def blocked(self) -> int:
        [(count,)] = self.weir.query(
            "SELECT count(*) FROM policies_constraint c JOIN governance_scope s ON s.id = c.scope_id"
            " WHERE c.status = 'active' AND s.path = %s",
            f"{self.organisation}/search",
        )
        return int(count)


@pytest.fixture(scope="module")
def road(weir: Installation) -> Iterator[Road]:
    organisation = "roads"
    weir.apply(ORGANISATION.format(hash=hashlib.sha256(b"sk-callers").hexdigest()), name="roads.yaml")
    finance = AdminSession(weir, "finance@roads.example", weir.user("finance@roads.example", "finance", organisation))
    [(budget,)] = weir.query(
        "SELECT b.id FROM budgets_budget b JOIN governance_scope s ON s.id = b.scope_id WHERE s.path = 'roads/search'"
    )
    finance.act("budgets/budget", "approve", str(budget), {"reason": "Agreed."})
    with serving(Models) as models:
        yield Road(
            weir,
            weir.key(organisation, "usage:write", "decisions:read"),
            organisation,
            urlsplit(models).port or 0,
            finance,
            AdminSession(weir, "second@roads.example", weir.user("second@roads.example", "finance", organisation)),
        )


ORGANISATION = """
apiVersion: weir/v1
kind: Scope
metadata: {{name: roads}}
spec: {{kind: organisation, currency: USD}}
---
apiVersion: weir/v1
kind: Scope
metadata: {{name: roads/search}}
spec: {{kind: team, criticality: high}}
---
apiVersion: weir/v1
kind: Scope
metadata: {{name: roads/support}}
spec: {{kind: team, criticality: low}}
---
apiVersion: weir/v1
kind: AttributionRules
metadata: {{name: callers-of-roads}}
spec:
  organisation: roads
  keys: [{{key_hash: {hash}, scope: roads/search}}]
---
apiVersion: weir/v1
kind: Budget
metadata: {{name: roads-search-monthly}}
spec:
  scope: roads/search
  unit: money
  period: month
  amount: "100.00"
  currency: USD
  starts_on: 2026-01-01
---
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {{name: budget-of-roads, owner: finops@roads.example}}
spec:
  match: {{paths: ["roads/**"]}}
  facts:
    used: {{fact: budget.used}}
    amount: {{fact: budget.amount}}
  steps:
    - {{name: stop, when: used >= amount, actions: [block: {{message: Ask finance for more.}}]}}
  enforcement: {{level: hard_mandatory}}
"""


def call(url: str, path: str, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{url}{path}", json={"model": "gpt-4o"}, headers=named, timeout=10)


@pytest.mark.parametrize("proxy", PROXIES)
def test_what_weir_decides_holds_at_the_proxy(road: Road, proxy: Proxy) -> None:
    with road.by(proxy) as url:
        road.spend("110.00")
        try:
            refused = eventually(
                lambda: call(url, "/search/v1/chat/completions?x=1", X_Weir_Scope="roads/support"),
                holds=lambda answer: answer.status_code != 200, within_s=1, what="still passes",
            )  # fmt: skip
            assert refused.status_code == 403, refused.text
            assert refused.headers["X-Weir-Reason"] == "blocked_by_guardrail"
            assert float(refused.headers["X-Weir-Limit"]) < float(refused.headers["X-Weir-Observed"])
            assert refused.headers["X-Weir-Resets-At"]
            assert (
                "USD are used at roads/search. budget-of-roads holds calls back: Ask finance for more." in refused.text
            )
            # The caller's own key, by its hash, where nothing names a scope.
            assert call(url, "/v1/chat/completions", Authorization="Bearer sk-callers").status_code == 403
            passed = [
                call(url, "/support/v1/chat/completions"),
                call(url, "/v1/chat/completions", Authorization="Bearer sk-another"),
            ]
            assert [(answer.status_code, answer.content) for answer in passed] == [(200, ANSWER)] * 2
        finally:
            road.released()
        eventually(
            lambda: call(url, "/search/v1/chat/completions").status_code,
            holds=lambda status: status == 200, within_s=1, what="still refused after it was granted more",
        )  # fmt: skip


@pytest.mark.parametrize("proxy", PROXIES)
def test_where_weir_is_stopped_or_slow_criticality_says_what_follows(road: Road, proxy: Proxy) -> None:
    wanted = {"/search/x": 200, "/support/x": 403, "/x": 200}
    with road.by(proxy, weir=free_port()) as url:
        assert {path: call(url, path).status_code for path in wanted} == wanted
    with road.by(proxy) as url:
        assert {path: call(url, path).status_code for path in wanted} == dict.fromkeys(wanted, 200)
        with suspended(front_of(road.weir)):
            began = time.monotonic()
            assert {path: call(url, path).status_code for path in wanted} == wanted
            assert time.monotonic() - began < 5


@pytest.mark.parametrize("proxy", PROXIES)
def test_where_weir_is_stale_it_answers_by_criticality_itself(road: Road, proxy: Proxy) -> None:
    [(follower,)] = road.weir.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'weir decisions'")
    with road.by(proxy) as url, suspended(psutil.Process(follower)):
        refused = eventually(
            lambda: call(url, "/support/x"), holds=lambda answer: answer.status_code == 403, within_s=20, what="passes"
        )
        assert refused.headers["X-Weir-Reason"] == "decisions_stale"
        assert "has not heard from its database" in refused.text
        assert call(url, "/search/x").status_code == 200


def front_of(weir: Installation) -> psutil.Process:
    [front] = [process for process in weir.processes() if "config.front" in process.cmdline()]
    return front


@contextmanager
def suspended(process: psutil.Process) -> Iterator[None]:
    process.suspend()
    try:
        yield
    finally:
        process.resume()
