"""A guardrail after compilation, as values: the facts it reads, its steps and their timing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from governance.documents.engine.cel import Program
from governance.documents.engine.tokens import Words
from policies.guardrails.engine.constraint_kinds import ConstraintKind
from policies.guardrails.engine.ladder import Timing
from policies.guardrails.engine.types import Action, FactKey, Severity


@dataclass(frozen=True, slots=True)
class Comparison:
    """The two sides of a step's condition, for refusals that name the observed value and the limit."""

    observed: Program
    limit: Program
    unit: str


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """A step whose expressions are bound to the scope's facts; the words are as the author wrote them."""

    name: str
    severity: Severity
    words: Words
    when: Program
    release_words: Words | None
    release: Program | None
    timing: Timing
    actions: tuple[Action, ...]
    comparison: Comparison | None

    @property
    def constraints(self) -> tuple[ConstraintKind, ...]:
        """The actions that impose something, in the order of the document."""
        return tuple(action for action in self.actions if isinstance(action, ConstraintKind))


@dataclass(frozen=True, slots=True)
class DeclaredFact:
    """A fact of the document: ``alias`` is the author's name, ``name`` the canonical one."""

    alias: str
    key: FactKey
    name: str
    max_age: timedelta | None
    is_optional: bool
