"""The guardrails in force, compiled once per text and process."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from governance.memory.queries import VersionedMemory
from policies.guardrails.documents import GuardrailPolicy
from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.engine.enforcement import withheld
from policies.guardrails.engine.evaluation import CompiledPolicy
from policies.guardrails.engine.types import Action, Severity
from policies.guardrails.models import GuardrailVersion

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ActiveGuardrail:
    """A version in force, compiled; ``owner`` is "" when its document names none."""

    version_id: int
    name: str
    number: int
    digest: str
    level: str
    owner: str
    compiled: CompiledPolicy

    def severity(self, step: str) -> Severity:
        severity = next((rung.severity for rung in self.compiled.steps if rung.name == step), None)
        return severity or self.compiled.document.spec.severity

    def min_hold(self, step: str) -> timedelta:
        return next((rung.timing.min_hold for rung in self.compiled.steps if rung.name == step), timedelta())

    def withheld(self, step: str) -> tuple[Action, ...]:
        """Actions of a step that the enforcement level does not permit."""
        return withheld(self.compiled.level, (rung for rung in self.compiled.steps if rung.name == step))


@dataclass(frozen=True, slots=True)
class ActiveGuardrails:
    """``broken`` are versions that no longer compile, each with its sentence; their state is held."""

    guardrails: tuple[ActiveGuardrail, ...]
    broken: dict[str, str]


Compiled = dict[int, ActiveGuardrail | str]
_compiled: VersionedMemory[frozenset[int], Compiled] = VersionedMemory()


def active_guardrails() -> ActiveGuardrails:
    """Never stale: one query for what is in force, a second only when this process has not seen a version yet."""
    ids = list(GuardrailVersion.objects.filter(is_active=True).order_by("name").values_list("id", "name"))
    wanted = frozenset(version_id for version_id, _name in ids)
    compiled = _compiled.of(wanted, lambda: _compile_all(wanted))
    in_force = [(name, compiled[version_id]) for version_id, name in ids]
    return ActiveGuardrails(
        guardrails=tuple(guardrail for _name, guardrail in in_force if isinstance(guardrail, ActiveGuardrail)),
        broken={name: sentence for name, sentence in in_force if isinstance(sentence, str)},
    )


def _compile_all(wanted: frozenset[int]) -> Compiled:
    """A version's text never changes, so what was compiled before still holds."""
    known = _compiled.last_known() or {}
    compiled = {version_id: known[version_id] for version_id in wanted & known.keys()}
    unseen = wanted - compiled.keys()
    if unseen:
        versions = GuardrailVersion.objects.filter(id__in=sorted(unseen))
        compiled |= {version.id: _compile(version) for version in versions}
    return compiled


def _compile(version: GuardrailVersion) -> ActiveGuardrail | str:
    try:
        document = GuardrailPolicy.model_validate(version.document)
        compiled = compile_policy(document, with_lint=False)
    except Exception as problem:  # a version accepted by older code must not stop the others
        logger.exception("guardrail %s version %s does not compile", version.name, version.number)
        return f"{version.name} version {version.number} does not compile: {problem}"
    return ActiveGuardrail(
        version_id=version.id,
        name=version.name,
        number=version.number,
        digest=version.digest,
        level=version.level,
        owner=document.metadata.owner or "",
        compiled=compiled,
    )
