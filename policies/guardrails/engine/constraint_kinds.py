"""The constraint kinds, and every question that is asked of a kind before it is stored.

Each question is a match without a default: the type checker names the ones in which a new kind lacks its case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never, cast

from governance.documents.engine.globs import ANY, glob_matches
from policies.guardrails.documents import ConstraintEntry
from policies.guardrails.documents import constraint_kinds as written
from policies.guardrails.documents.constraint_kinds import ConstraintName


@dataclass(frozen=True, slots=True)
class Block:
    """Refuse calls of the scope and everything below it; no models named means every model; ``*`` in a name is
    any text.
    """

    models: tuple[str, ...] = ()
    message: str = ""
    kind: Literal["block"] = "block"


ConstraintKind = Block
"""What a guardrail can impose: the union of the kinds."""


def constraint_of(entry: ConstraintEntry) -> ConstraintKind:
    """The constraint that an action of a document asks for."""
    match entry:
        case written.BlockEntry(block=block):
            return Block(models=block.models, message=block.message)


def imposed_by(action: str, models: Sequence[str], message: str) -> ConstraintKind:
    """What a stored constraint imposes, from its columns and the message in its evidence."""
    name = cast("ConstraintName", action)
    match name:
        case "block":
            return Block(models=tuple(models), message=message)
        case _:
            assert_never(name)


def covers(constraint: ConstraintKind, model: str) -> bool:
    """Whether a call of this model is limited by it."""
    match constraint:
        case Block(models=models):
            return not models or any(glob_matches(pattern, model) for pattern in models)


def refuses_calls(constraint: ConstraintKind) -> bool:
    """Whether a call that it covers is denied, not merely limited."""
    match constraint:
        case Block():
            return True


def to_json(constraint: ConstraintKind) -> dict[str, Any]:
    """What the decision record says of it."""
    match constraint:
        case Block(models=models):
            return {"models": list(models)}


def effect(constraint: ConstraintKind) -> str:
    """What it does, as the verb of a warning's sentence."""
    match constraint:
        case Block():
            return "blocks"


def fingerprint(constraints: Iterable[ConstraintKind]) -> str:
    """What they limit, for comparison: equal for equal limits, whatever their messages; "" for none."""
    return "; ".join(sorted(_fingerprint(constraint) for constraint in constraints))


def _fingerprint(constraint: ConstraintKind) -> str:
    match constraint:
        case Block(models=models):
            return f"block {', '.join(sorted(set(models))) if models and ANY not in models else ANY}"


def imposed(constraint: ConstraintKind) -> str:
    """What it does, as a sentence without its end: until when."""
    match constraint:
        case Block():
            return f"Calls to {described(constraint)[1]} are blocked"


def lifted(constraint: ConstraintKind, guardrail: str) -> str:
    """What its end means, as a sentence."""
    match constraint:
        case Block():
            return f"{guardrail} no longer blocks calls to {described(constraint)[1]}."


def described(constraint: ConstraintKind) -> tuple[str, str]:
    """What it does and to what, as a field of a message: its name and its text."""
    match constraint:
        case Block(models=models):
            return "Blocked", "all models" if ANY in models else ", ".join(models) or "all models"
