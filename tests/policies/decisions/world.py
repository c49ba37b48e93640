"""An organisation that changes at random, and questions about it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.operations import apply_attribution_rules
from governance.documents import load_documents
from governance.errors import DomainError
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import ApiKey
from governance.scopes.models import Scope
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.decisions.documents import Question
from policies.decisions.engine.deciding import Trust, decide
from policies.decisions.engine.snapshot import Snapshot
from policies.decisions.queries.statement import attributed_path, decide_for_key
from policies.guardrails.models import GuardrailVersion
from tests.policies.conftest import AT, SYSTEM, Apply

CRITICALITIES = ("low", "standard", "high", "business_critical")
MODELS = ("gpt-4o", "gpt-5-nano", "claude-5", "o3")
RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {{name: teams}}
spec:
  organisation: {organisation}
  keys:
    - {{key_alias: alias-1, scope: {first}}}
    - {{weir_key: "{prefix}", scope: {second}}}
  rules:
    - {{name: search, when: {{team: "search*"}}, scope: {second}}}
    - {{name: cheap, condition: 'model == "o3"', scope: {first}, effective_from: {since}}}
"""


@dataclass
class World:
    """Everything is committed at once. ``keys`` are whole keys, some of them good for nothing."""

    seed: int
    version: GuardrailVersion
    keys: list[str] = field(default_factory=list)
    chance: random.Random = field(init=False)
    made: int = 0

    @classmethod
    def create(cls, seed: int, apply: Apply) -> World:
        for slug in ("acme", "globex"):
            root = create_scope(slug=slug, kind="organisation", actor=SYSTEM, at=AT)
            create_scope(slug="search", kind="team", parent=root, actor=SYSTEM, at=AT)
        apply()
        made = cls(seed, GuardrailVersion.objects.get())
        made.chance = random.Random(seed)
        made.key()
        return made

    def change(self) -> None:
        """One change at random."""
        self.chance.choice(
            (self.scope, self.rename, self.move, self.key, self.end_key, self.constrain, self.constrain, self.release,
             self.shift, self.rules, self.forget_key)
        )()  # fmt: skip

    def a_scope(self) -> Scope:
        return self.chance.choice(list(Scope.objects.filter(is_unattributed=False).order_by("id")))

    def scope(self) -> None:
        self.made += 1
        made = create_scope(slug=f"s{self.made}", kind="team", parent=self.a_scope(), actor=SYSTEM, at=AT)
        Scope.objects.filter(pk=made.pk).update(criticality=self.chance.choice(CRITICALITIES))

    def rename(self) -> None:
        self.made += 1
        scope = self.a_scope()
        scope.slug = f"r{self.made}"
        scope.save(update_fields=["slug"])

    def move(self) -> None:
        scope, target = self.a_scope(), self.a_scope()
        same = scope.organisation_slug == target.organisation_slug
        if scope.parent_id and same and not f"{target.path}/".startswith(f"{scope.path}/"):
            Scope.objects.filter(pk=scope.pk).update(parent=target)

    def key(self) -> None:
        permission = self.chance.choice(("decisions:read", "admin", "usage:write"))
        self.keys.append(create_api_key(scope=self.a_scope(), permissions=[permission], actor=SYSTEM, at=AT)[1])

    def a_key(self) -> Any:
        return ApiKey.objects.filter(prefix=self.chance.choice(self.keys).split("_")[1])

    def end_key(self) -> None:
        self.a_key().update(**{self.chance.choice(("revoked_at", "expires_at")): AT})

    def forget_key(self) -> None:
        self.a_key().delete()

    def constrain(self) -> None:
        self.made += 1
        scope, end = self.a_scope(), AT + timedelta(hours=self.chance.randint(1, 9), microseconds=self.made * 10)
        alert = Alert.objects.create(
            scope=scope, guardrail=f"g{self.made}", version=self.version, level="hard_mandatory", status="firing",
            step="stop", period_start=AT, period_end=end, severity="high", reason="Used up.", opened_at=AT,
        )  # fmt: skip
        Constraint.objects.create(
            scope=scope, guardrail=alert.guardrail, version=self.version, alert=alert, step="stop", owner="finops",
            reason="Used up.", evidence=self.chance.choice(EVIDENCE), starts_at=AT, expires_at=end,
            model_patterns=self.chance.choice(([], ["gpt-*"], ["o3", "claude-5"])),
        )  # fmt: skip

    def a_constraint(self) -> Any:
        ids = list(Constraint.objects.filter(status="active").order_by("id").values_list("id", flat=True))
        return Constraint.objects.filter(pk=self.chance.choice(ids) if ids else 0)

    def release(self) -> None:
        self.a_constraint().update(
            status="released", released_at=AT, released_by="sam@example.com", release_reason="Paid."
        )

    def shift(self) -> None:
        self.a_constraint().update(expires_at=AT + timedelta(seconds=self.chance.randint(1, 40)), model_patterns=["o*"])

    def rules(self) -> None:
        root = Scope.objects.filter(parent=None).order_by("id")[0]
        ours = root.path, f"{root.path}/"
        usable = [path for path in self.paths() if path == ours[0] or path.startswith(ours[1])]
        prefixes = [key.prefix for key in ApiKey.objects.select_related("scope") if key.scope.path in usable]
        text = RULES.format(
            organisation=root.path, first=self.chance.choice(usable), second=self.chance.choice(usable),
            prefix=self.chance.choice(sorted(prefixes)) if prefixes else "", since=self.chance.choice(DAYS),
        )  # fmt: skip
        text = "\n".join(line for line in text.splitlines() if 'weir_key: "",' not in line)
        document = TypeAdapter(AttributionRulesDocument).validate_python(load_documents(text, source="r.yaml")[0].data)
        apply_attribution_rules(document, actor=SYSTEM, at=AT)

    def paths(self) -> list[str]:
        return list(Scope.objects.filter(is_unattributed=False).order_by("id").values_list("path", flat=True))

    def question(self) -> tuple[str, Question, datetime]:
        asked: dict[str, Any] = {"model": self.chance.choice(MODELS)}
        match self.chance.randint(0, 5):
            case 0 | 1 | 2:
                asked["scope"] = self.a_scope().path
            case 3:
                asked["team"] = self.chance.choice(("search-eu", "ads"))
            case 4:
                asked["key_alias"] = self.chance.choice(("alias-1", "alias-2"))
            case _:
                asked |= self.chance.choice(({}, {"scope": "nowhere/at/all"}))
        key = self.chance.choice((*self.keys, *self.keys, "weir_0123456789_unknown", "nonsense"))
        return key, Question.model_validate(asked), AT + timedelta(seconds=self.chance.randint(0, 60))


DAYS = ("2026-11-01", "2026-12-01")
EVIDENCE: tuple[dict[str, Any], ...] = (
    {"limit": 100.0, "observed": 104.25, "unit": "USD", "message": "Ask Fay."},
    {"limit": 3, "observed": None, "unit": "requests"},
    {},
)
Outcome = tuple[Any, ...]


def by_snapshot(snapshot: Snapshot, key: str, question: Question, at: datetime) -> Outcome:
    try:
        return (decide(snapshot, question, plaintext=key, at=at, age_s=0.0, trust=Trust()),)
    except DomainError as refused:
        return type(refused), refused.code, refused.detail


def by_statement(key: str, question: Question, at: datetime) -> Outcome:
    try:
        path = question.scope or attributed_path(plaintext=key, call=question.call, at=at)
        return (decide_for_key(plaintext=key, scope_path=path, model=question.model, at=at),)
    except DomainError as refused:
        return type(refused), refused.code, refused.detail
