"""Price books and attribution rules from documents: a changed document becomes a new version, never an edit."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from django.db import transaction

from allocation.documents.attribution import AttributionRulesDocument, KeySpec, RuleSpec
from allocation.documents.prices import METERS, PriceBookDocument
from allocation.models import AttributionKey, AttributionRule, AttributionRuleSet, Price, PriceBook
from governance.documents import Change
from governance.errors import DomainError, NotFound
from governance.models import ApiKey, Scope
from governance.models.visibility import at_or_below
from governance.operations import record_decision
from governance.rules import Actor

DIFFERENCES_SHOWN = 50
VersionedT = TypeVar("VersionedT", PriceBook, AttributionRuleSet)
Declared = PriceBookDocument | AttributionRulesDocument


class OtherOrganisation(DomainError):
    code = "name_taken"


def plan_price_book(document: PriceBookDocument, at: datetime) -> Change:
    del at
    _organisation(document.spec.organisation)
    return _change(document, _current(PriceBook, document.metadata.name), "prices")


@transaction.atomic
def apply_price_book(document: PriceBookDocument, *, actor: Actor, at: datetime) -> Change:
    organisation = _organisation(document.spec.organisation, locked=True)
    current = _current(PriceBook, document.metadata.name)
    change = _change(document, current, "prices")
    if change.action == "unchanged":
        return change
    book = PriceBook(currency=document.spec.currency, **_version(document, current, organisation, actor, at))
    _replace(PriceBook, book)
    Price.objects.bulk_create(
        Price(
            book=book,
            position=position,
            provider=price.provider,
            model=price.model,
            service_tier=price.service_tier,
            meter=meter,
            above_input_tokens=price.above_input_tokens,
            unit_price=getattr(price, meter),
            effective_from=price.effective_from,
            effective_to=price.effective_to,
        )
        for position, price in enumerate(document.spec.prices)
        for meter in METERS
        if getattr(price, meter) is not None
    )
    _record(change, "price_book.apply", book, actor, at)
    return change


def plan_attribution_rules(document: AttributionRulesDocument, at: datetime) -> Change:
    del at
    _organisation(document.spec.organisation)
    return _change(document, _current(AttributionRuleSet, document.metadata.name), "keys", "rules")


@transaction.atomic
def apply_attribution_rules(document: AttributionRulesDocument, *, actor: Actor, at: datetime) -> Change:
    organisation = _organisation(document.spec.organisation, locked=True)
    current = _current(AttributionRuleSet, document.metadata.name)
    change = _change(document, current, "keys", "rules")
    if change.action == "unchanged":
        return change
    keys, rules = document.spec.keys or (), document.spec.rules
    scopes = _scopes(document.spec.scopes)
    _check_weir_keys((key.weir_key for key in keys if key.weir_key), organisation)
    rule_set = AttributionRuleSet(**_version(document, current, organisation, actor, at))
    _replace(AttributionRuleSet, rule_set)
    AttributionKey.objects.bulk_create(
        AttributionKey(kind=kind, value=value, **_placement(rule_set, position, key, scopes))
        for position, key in enumerate(keys)
        for kind, value in (key.identity,)
    )
    AttributionRule.objects.bulk_create(
        AttributionRule(
            when=rule.when or {}, condition=rule.condition or "", **_placement(rule_set, position, rule, scopes)
        )
        for position, rule in enumerate(rules)
    )
    _record(change, "attribution_rules.apply", rule_set, actor, at)
    return change


def _placement(
    rule_set: AttributionRuleSet, position: int, line: KeySpec | RuleSpec, scopes: Mapping[str, Scope]
) -> dict[str, Any]:
    return {
        "rule_set": rule_set,
        "position": position,
        "name": line.name,
        "scope": scopes[line.scope],
        "effective_from": line.effective_from,
        "effective_to": line.effective_to,
    }


def _check_weir_keys(prefixes: Iterable[str], organisation: Scope) -> None:
    wanted = set(prefixes)
    known = ApiKey.objects.filter(at_or_below((organisation.path,), "scope__path"), prefix__in=wanted)
    missing = sorted(wanted - set(known.values_list("prefix", flat=True)))
    if missing:
        raise NotFound(
            f"There is no Weir API key {missing[0]} in {organisation.path}; `weir keys list` shows those there are.",
            code="key_unknown",
        )


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


def _change(document: Declared, current: PriceBook | AttributionRuleSet | None, *listed: str) -> Change:
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
        differences=differences(current.document, _content(document), *listed),
    )


def differences(before: dict[str, Any], after: dict[str, Any], *listed: str) -> tuple[str, ...]:
    """What left and what came, entry by entry, shortened."""
    others = [
        f"{key}: {before.get(key)} → {after.get(key)}"
        for key in sorted((before.keys() | after.keys()) - {*listed})
        if before.get(key) != after.get(key)
    ]
    gone = [f"- {_line(one)}" for name in listed for one in before.get(name, ()) if one not in after.get(name, ())]
    come = [f"+ {_line(one)}" for name in listed for one in after.get(name, ()) if one not in before.get(name, ())]
    found = [*others, *gone, *come] or [f"{' or '.join(listed)}: other order"]
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


def _record(change: Change, action: str, version: PriceBook | AttributionRuleSet, actor: Actor, at: datetime) -> None:
    record_decision(
        actor=actor,
        action=action,
        scope=version.organisation,
        subject=f"{change.kind}:{version.name}",
        reason="",
        evidence={"version": version.version, "digest": version.digest, "differences": list(change.differences)},
        at=at,
    )
