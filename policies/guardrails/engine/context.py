"""The values of one scope at one instant, prepared once for every guardrail that looks at it.

All compiled expressions share one environment in which each fact has one canonical name, so a scope's facts cross into
the CEL engine once, not once per guardrail.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from governance.documents.engine import cel
from policies.guardrails.engine.facts import CATALOGUE, every_key
from policies.guardrails.engine.types import FactKey, Facts, FactValue, ScopeView

SCOPE_NAMES: dict[str, cel.Kind] = {
    "scope.path": "string",
    "scope.kind": "string",
    "scope.environment": "string",
    "scope.criticality": "string",
    "scope.practice": "string",
    "scope.labels": "string_map",
}


def canonical_name(key: FactKey) -> str:
    """The name of a fact in the shared environment; double underscores keep it apart from authors' names."""
    return "__".join(("fact", *(part.replace(".", "__") for part in (key.fact, key.window, key.unit) if part)))


CANONICAL: dict[FactKey, str] = {key: canonical_name(key) for key in every_key()}

BUDGET_FACTS = frozenset(name for key, name in CANONICAL.items() if CATALOGUE[key.fact].is_budget)
ALLOWANCES = frozenset(name for key, name in CANONICAL.items() if CATALOGUE[key.fact].is_allowance)
"""Names of the facts that are zero when a budget has nothing in it."""
_NOTHING_LEFT = frozenset({"budget.remaining", "forecast.exhausted_in"})
USED_UP = {name: "0.0" if key.fact in _NOTHING_LEFT else "1.0" for key, name in CANONICAL.items()}
"""What each fact is, as an expression, for a budget of one that is just used up."""


def _environment() -> cel.Environment:
    declared: dict[str, cel.Kind] = dict(SCOPE_NAMES)
    for name in CANONICAL.values():
        declared |= {name: "double", name + cel.GIVEN: "bool"}
    return cel.Environment(declared)


SHARED = _environment()
"""Made once, at import: a value bound in one environment means nothing in another."""


class ScopeContext:
    """``present`` and ``absent`` hold canonical names; a value that is not a finite number counts as missing.
    ``said`` keeps what was said of a fact for the next guardrail that reads it.
    """

    __slots__ = ("_values", "absent", "ages", "at", "binding", "facts", "present", "said", "scope")

    def __init__(self, scope: ScopeView, facts: Facts, at: datetime) -> None:
        self.scope = scope
        self.facts = facts
        self.at = at
        self.present: set[str] = set()
        self.absent: set[str] = set()
        self.ages: dict[str, float] = {}
        self.said: dict[FactKey, tuple[str, Mapping[str, Any]]] = {}
        self._values: dict[str, object] = {
            "scope.path": scope.path,
            "scope.kind": scope.kind,
            "scope.environment": scope.environment,
            "scope.criticality": scope.criticality,
            "scope.practice": scope.practice,
            "scope.labels": dict(scope.labels),
        }
        for key, fact in facts.items():
            self._take(CANONICAL.get(key), fact)
        self.binding = SHARED.bind(self._values)

    def bound_without(self, unusable: Collection[str]) -> cel.Binding:
        """The same values, with some facts (canonical names) left out as if they were missing."""
        values = {name: value for name, value in self._values.items() if name not in unusable}
        return SHARED.bind(values | {name + cel.GIVEN: False for name in unusable})

    def _take(self, name: str | None, fact: FactValue) -> None:
        if name is None:
            return
        number = _number(fact)
        self._values[name + cel.GIVEN] = number is not None
        if number is not None:
            self._values[name] = number
            self.present.add(name)
            self.ages[name] = fact.age_seconds
        elif fact.absent:
            self.absent.add(name)


def _number(fact: FactValue) -> float | None:
    if fact.value is None or isinstance(fact.value, str):
        return None
    number = float(fact.value)
    return number if math.isfinite(number) else None
