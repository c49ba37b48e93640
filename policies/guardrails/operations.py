"""Guardrails come into force and go out of it. Versions are kept; to go back to an earlier text, apply it again."""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import yaml
from django.db import transaction
from django.db.models import Max

from budgets.ledger.operations import watch_lines
from governance.documents import Change, SourcedDocument
from governance.errors import DomainError, Forbidden, NotFound
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.work.engine.locks import APPLY_LOCK
from governance.work.operations import hold, hold_if_free, mark_scopes_dirty, nudge
from policies.guardrails.documents import GuardrailPolicy, refusal
from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.engine.lines import lines_of
from policies.guardrails.engine.testing import run_tests
from policies.guardrails.errors import GuardrailError
from policies.guardrails.models import GuardrailState, GuardrailVersion
from policies.guardrails.queries import active_guardrails
from policies.guardrails.rules import may_change_guardrails

SWEEP_TASK = "policies.sweep"
DIFFERENCES_SHOWN_MAX = 50
SHOWN_MAX = 80


class GuardrailTestsFail(DomainError):
    """An inline test of the document fails; its sentences are in the detail."""

    code = "guardrail_tests_fail"
    status = 422


def plan_guardrail_policy(document: GuardrailPolicy, *, at: datetime, sourced: SourcedDocument | None = None) -> Change:
    """What applying would change. Raises GuardrailError and GuardrailTestsFail as applying does."""
    del at
    check(document, sourced)
    active = GuardrailVersion.objects.filter(name=document.metadata.name, is_active=True).first()
    return _change(document, active)


@transaction.atomic
def apply_guardrail_policy(
    document: GuardrailPolicy, *, actor: Actor, at: datetime, sourced: SourcedDocument | None = None
) -> Change:
    """Brings a document into force once it compiles and its inline tests pass, and starts a sweep. ``sourced`` is where
    it was read from; its text is kept. Raises Forbidden, GuardrailError, GuardrailTestsFail.
    """
    if not may_change_guardrails(actor):
        raise Forbidden(f"{actor.label} may not change guardrails.")
    results = check(document, sourced)
    source = sourced.source if sourced else ""
    hold(APPLY_LOCK)
    versions = GuardrailVersion.objects.filter(name=document.metadata.name)
    active = versions.filter(is_active=True).first()
    change = _change(document, active)
    if change.action == "unchanged":
        return change
    if active is not None:
        _retire(active, actor=actor, reason="Replaced by another version.", at=at)
    version = versions.filter(digest=_digest(document)).first()
    if version is not None:
        version.is_active, version.retired_at, version.retired_by, version.retire_reason = True, None, "", ""
        version.save(update_fields=["is_active", "retired_at", "retired_by", "retire_reason"])
    else:
        version = GuardrailVersion.objects.create(
            name=document.metadata.name,
            number=(versions.aggregate(last=Max("number"))["last"] or 0) + 1,
            digest=_digest(document),
            text=(sourced.text if sourced else "")
            or yaml.safe_dump(_as_data(document), sort_keys=False, allow_unicode=True),
            document=_as_data(document),
            source=source[:500],
            level=document.spec.enforcement.level,
            test_results=results,
            applied_at=at,
            applied_by=actor.label,
        )
    watch_lines_in_force()
    _evaluate_soon(version.name, at)
    record_decision(
        actor=actor,
        action="guardrail.apply",
        scope=None,
        subject=f"guardrail:{version.name}",
        reason=source,
        evidence={"version": version.number, "digest": version.digest, "differences": list(change.differences)},
        at=at,
    )
    return change


@transaction.atomic
def retire_guardrail(*, name: str, actor: Actor, reason: str, at: datetime) -> GuardrailVersion:
    """Takes it out of force; the next sweep resolves its alerts and releases its constraints.

    Raises Forbidden, NotFound.
    """
    if not may_change_guardrails(actor):
        raise Forbidden(f"{actor.label} may not change guardrails.")
    hold(APPLY_LOCK)
    active = GuardrailVersion.objects.select_for_update().filter(name=name, is_active=True).first()
    if active is None:
        raise NotFound(f"There is no guardrail {name} in force.")
    _retire(active, actor=actor, reason=reason, at=at)
    watch_lines_in_force()
    _evaluate_soon(name, at)
    record_decision(
        actor=actor,
        action="guardrail.retire",
        scope=None,
        subject=f"guardrail:{name}",
        reason=reason,
        evidence={"version": active.number, "digest": active.digest},
        at=at,
    )
    return active


def watch_lines_in_force() -> bool:
    """Have charges watch the lines on budgets that the guardrails in force draw; returns whether they did not yet. The
    caller holds APPLY_LOCK.
    """
    return watch_lines(lines_of(guardrail.compiled for guardrail in active_guardrails().guardrails))


@transaction.atomic
def watch_lines_again() -> bool:
    """As `watch_lines_in_force`, for what wrote guardrails by other ways or before lines were watched; not while one is
    being applied. Returns whether something was put right.
    """
    return hold_if_free(APPLY_LOCK) and watch_lines_in_force()


def check(document: GuardrailPolicy, sourced: SourcedDocument | None = None) -> list[dict[str, Any]]:
    """Compiles it and runs its inline tests; the results as stored with the version.

    Raises GuardrailError, GuardrailTestsFail; DocumentError with file and line instead of the former with ``sourced``.
    """
    try:
        compile_policy(document)
    except GuardrailError as problem:
        if sourced is None:
            raise
        raise refusal(problem.findings, sourced) from None
    results = run_tests(document)
    failed = [f"{result.name}: {' '.join(result.sentences)}" for result in results if not result.passed]
    if failed:
        raise GuardrailTestsFail(
            f"{document.metadata.name}: {len(failed)} of {len(results)} tests fail. " + " | ".join(failed),
            failures=failed,
        )
    return [{"name": result.name, "passed": result.passed, "sentences": list(result.sentences)} for result in results]


def _retire(version: GuardrailVersion, *, actor: Actor, reason: str, at: datetime) -> None:
    version.is_active, version.retired_at = False, at
    version.retired_by, version.retire_reason = actor.label, reason
    version.save(update_fields=["is_active", "retired_at", "retired_by", "retire_reason"])


def _evaluate_soon(name: str, at: datetime) -> None:
    """Where the guardrail is pending or in force, as soon as facts that change; everywhere else with the next sweep."""
    states = GuardrailState.objects.filter(guardrail=name)
    mark_scopes_dirty(scope_ids=states.values_list("scope_id", flat=True), at=at)
    nudge(SWEEP_TASK, queue="slow")


def _as_data(document: GuardrailPolicy) -> dict[str, Any]:
    data: dict[str, Any] = document.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"apiVersion": document.apiVersion, "kind": document.kind, **data}


def _digest(document: GuardrailPolicy) -> str:
    return hashlib.sha256(json.dumps(_as_data(document), sort_keys=True).encode()).hexdigest()


def _change(document: GuardrailPolicy, active: GuardrailVersion | None) -> Change:
    name = document.metadata.name
    if active is None:
        return Change("GuardrailPolicy", name, "create")
    if active.digest == _digest(document):
        return Change("GuardrailPolicy", name, "unchanged")
    differences = list(_differences(active.document, _as_data(document)))
    return Change("GuardrailPolicy", name, "update", tuple(differences[:DIFFERENCES_SHOWN_MAX]))


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, f"{path}[{index}]")
    elif before != after:
        yield f"{path}: {_shown(before)} → {_shown(after)}"


def _shown(value: Any) -> str:
    written = "(none)" if value is None else json.dumps(value, ensure_ascii=False)
    return textwrap.shorten(written, SHOWN_MAX, placeholder="...")
