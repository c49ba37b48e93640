"""An organisation for measurements, in a scratch database."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from allocation.meters.documents import UsageEvent
from allocation.usage.operations import record_usage
from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from governance.documents import load_documents
from governance.messages.models import Channel
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import Ownership, User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.evaluation.queries import calendar_month
from policies.guardrails.documents import parse_guardrail
from policies.guardrails.models import GuardrailVersion
from policies.guardrails.operations import apply_guardrail_policy

BLOCK = """
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {{name: {name}, owner: bench@example.com}}
spec:
  match: {{kinds: [team]}}
  facts:
    used: {{fact: budget.used}}
    amount: {{fact: budget.amount}}
    spend: {{fact: cost, window: 24h}}
    calls: {{fact: requests, window: {window}}}
  variables:
    share: used / amount
  steps:
    - name: warn
      when: share >= {warn_at} && calls >= 1
      actions: [{notify}]
    - name: stop
      when: share >= {stop_at} || spend >= amount
      actions: [{notify}, block: {{}}]
  enforcement: {{level: hard_mandatory}}
"""


@dataclass
class Organisation:
    root: Scope
    teams: list[Scope]
    at: datetime

    @classmethod
    def create(cls, *, teams: int, at: datetime, slug: str = "bench") -> Organisation:
        root = create_scope(slug=slug, kind="organisation", actor=Actor.system(), at=at)
        Scope.objects.bulk_create([Scope(parent=root, slug=f"team-{n}", kind="team") for n in range(teams)])
        made = list(Scope.objects.filter(parent=root, kind="team").order_by("id"))
        return cls(root, made, at)

    def key(self, *permissions: str) -> str:
        return create_api_key(scope=self.root, permissions=permissions, actor=Actor.system(), at=self.at)[1]

    def people(self) -> tuple[Actor, Actor]:
        """Create an author of budgets and a person who may approve them."""
        actors = []
        for email, right in (
            (f"author@{self.root.slug}.example", ""),
            (f"finance@{self.root.slug}.example", "approve_budget"),
        ):
            user = User.objects.create_user(email, None)
            Ownership.objects.create(scope=self.root, user=user, persona="finance", decision_right=right)
            actors.append(Actor.of_user(user))
        return actors[0], actors[1]

    def budgets(self, amount: Decimal) -> None:
        author, finance = self.people()
        for team in self.teams:
            budget = create_budget(scope=team, amount=amount, actor=author, at=self.at)
            submit_budget(budget_id=budget.pk, actor=author, at=self.at)
            approve_budget(budget_id=budget.pk, actor=finance, reason="bench", at=self.at)

    def spend(self, costs: dict[str, Decimal], *, at: datetime, hours: int = 24) -> None:
        """Record the cost of each scope, spread over the last hours."""
        events = [
            UsageEvent.model_validate(
                {
                    "id": str(uuid.uuid4()),
                    "source": "bench",
                    "occurred_at": at - timedelta(hours=hour, minutes=1),
                    "scope": path,
                    "provider": "openai",
                    "model": "gpt-4o",
                    "tokens": {"input": 1000, "output": 100},
                    "cost": (cost / hours).quantize(Decimal("0.000001")),
                }
            )
            for path, cost in costs.items()
            for hour in range(hours)
        ]
        for start in range(0, len(events), 5000):
            record_usage(events=events[start : start + 5000], key_scope_id=self.root.pk, at=at)

    def guardrails(self, count: int, *, notify: str = 'notify: {to: ["email:bench"]}', stop_at: float = 1.0) -> None:
        Channel.objects.get_or_create(
            scope=self.root, kind="email", name="bench", defaults={"to": ["bench@example.com"]}
        )
        windows = ("5m", "1h", "6h", "24h", "7d")
        for number in range(count):
            text = BLOCK.format(
                name=f"bench-{number}",
                window=windows[number % len(windows)],
                warn_at=0.8 * stop_at,
                stop_at=stop_at,
                notify=notify,
            )
            document = parse_guardrail(load_documents(text, source="bench")[0])
            apply_guardrail_policy(document, actor=Actor.system(), at=self.at)

    def block(self, team: Scope) -> None:
        self.guardrails(1)
        month = calendar_month(self.at)
        version = GuardrailVersion.objects.get(name="bench-0")
        alert = Alert.objects.create(
            scope=team, guardrail="bench-0", version=version, level="hard_mandatory", status="firing", step="stop",
            period_start=month.start, period_end=month.end, severity="high", reason="bench", opened_at=self.at,
        )  # fmt: skip
        Constraint.objects.create(
            scope=team, guardrail="bench-0", version=version, alert=alert, step="stop", owner="bench@example.com",
            reason="bench", evidence={"limit": 100.0, "observed": 104.0, "unit": "USD", "message": ""},
            starts_at=self.at, expires_at=month.end,
        )  # fmt: skip
