"""Documents with versions, and attribution rules: a changed document becomes a new version, never an edit."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from json import dumps
from typing import Any, TypeVar

from django.db import transaction

from allocation.documents.attribution import AttributionRulesDocument
from allocation.documents.prices import PriceBookDocument
from allocation.models import AttributionRule, AttributionRuleSet, PriceBook
from governance.documents import Change
from governance.errors import DomainError, NotFound
from governance.models import Scope
from governance.operations import record_decision
from governance.rules import Actor

DIFFERENCES_SHOWN = 50
VersionedT = TypeVar("VersionedT", PriceBook, AttributionRuleSet)
Declared = PriceBookDocument | AttributionRulesDocument


class OtherOrganisation(DomainError):
    code = "name_taken"


def plan_attribution_rules(document: AttributionRulesDocument, at: datetime) -> Change:
    del at
    _organisation(document.spec.organisation)
    return _change(document, _current(AttributionRuleSet, document.metadata.name), "rules")


@transaction.atomic
def apply_attribution_rules(document: AttributionRulesDocument, *, actor: Actor, at: datetime) -> Change:
    organisation = _organisation(document.spec.organisation, locked=True)
    current = _current(AttributionRuleSet, document.metadata.name)
    change = _change(document, current, "rules")
    if change.action == "unchanged":
        return change
    scopes = _scopes(rule.scope for rule in document.spec.rules)
    rule_set = AttributionRuleSet(**_version(document, current, organisation, actor, at))
    _replace(AttributionRuleSet, rule_set)
    AttributionRule.objects.bulk_create(
        AttributionRule(
            rule_set=rule_set,
            position=position,
            name=rule.name,
            when=rule.when,
            scope=scopes[rule.scope],
            effective_from=rule.effective_from,
            effective_to=rule.effective_to,
        )
        for position, rule in enumerate(document.spec.rules)
    )
    _record(change, "attribution_rules.apply", rule_set, actor, at)
    return change


def _organisation(slug: str, *, locked: bool = False) -> Scope:
    """Locked, the row makes those who apply documents of one organisation wait for each other."""
    scopes = Scope.objects.select_for_update(of=("self",)) if locked else Scope.objects.all()
    organisation = scopes.filter(path=slug, parent__isnull=True).first()
    if organisation is None:
        raise NotFound(f"There is no organisation {slug}; apply its Scope document first.", code="scope_unknown")
    return organisation


def _scopes(paths: Iterable[str]) -> dict[str, Scope]:
    wanted = set(paths)
    found = {scope.path: scope for scope in Scope.objects.filter(path__in=wanted)}
    missing = sorted(wanted - found.keys())
    if missing:
        raise NotFound(f"There is no scope {missing[0]}; apply its Scope document first.", code="scope_unknown")
    return found


def _current(model: type[VersionedT], name: str) -> VersionedT | None:
    return model.objects.filter(name=name, is_current=True).first()


def _content(document: Declared) -> dict[str, Any]:
    content: dict[str, Any] = document.spec.model_dump(mode="json", exclude_none=True)
    return content


def _digest(document: Declared) -> str:
    return sha256(document.spec.model_dump_json(exclude_none=True).encode()).hexdigest()


def _change(document: Declared, current: PriceBook | AttributionRuleSet | None, listed: str) -> Change:
    name = document.metadata.name
    if current is None:
        return Change(kind=document.kind, name=name, action="create")
    if current.organisation.path != document.spec.organisation:
        raise OtherOrganisation(f"{document.kind} {name} belongs to {current.organisation.path}; choose another name.")
    if current.digest == _digest(document):
        return Change(kind=document.kind, name=name, action="unchanged")
    return Change(
        kind=document.kind,
        name=name,
        action="update",
        differences=differences(current.document, _content(document), listed),
    )


def differences(before: dict[str, Any], after: dict[str, Any], listed: str) -> tuple[str, ...]:
    """What left and what came, entry by entry, shortened."""
    others = [
        f"{key}: {before.get(key)} → {after.get(key)}"
        for key in sorted((before.keys() | after.keys()) - {listed})
        if before.get(key) != after.get(key)
    ]
    # Compared as text, for lists of thousands; stored documents come back with their fields in another order.
    old, new = (
        {dumps(entry, sort_keys=True): entry for entry in content.get(listed, ())} for content in (before, after)
    )
    gone = [f"- {_line(entry)}" for text, entry in old.items() if text not in new]
    come = [f"+ {_line(entry)}" for text, entry in new.items() if text not in old]
    found = [*others, *gone, *come] or [f"{listed}: other order"]
    more = len(found) - DIFFERENCES_SHOWN
    return (*found[:DIFFERENCES_SHOWN], *((f"… and {more} more",) if more > 0 else ()))


def _line(entry: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in entry.items())


def _version(
    document: Declared, current: PriceBook | AttributionRuleSet | None, organisation: Scope, actor: Actor, at: datetime
) -> dict[str, Any]:
    return {
        "name": document.metadata.name,
        "version": current.version + 1 if current else 1,
        "organisation": organisation,
        "digest": _digest(document),
        "document": _content(document),
        "applied_at": at,
        "applied_by": actor.label,
    }


def _replace(model: type[VersionedT], version: VersionedT) -> None:
    model.objects.filter(name=version.name, is_current=True).update(is_current=False)
    version.save(force_insert=True)


def _record(
    change: Change,
    action: str,
    version: PriceBook | AttributionRuleSet,
    actor: Actor,
    at: datetime,
    *,
    reason: str = "",
) -> None:
    record_decision(
        actor=actor,
        action=action,
        scope=version.organisation,
        subject=f"{change.kind}:{version.name}",
        reason=reason,
        evidence={"version": version.version, "digest": version.digest, "differences": list(change.differences)},
        at=at,
    )
