"""Applies attribution rule documents: a changed document becomes a new version, never an edit."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from allocation.attribution.documents import AttributionRulesDocument, KeySpec, RuleSpec
from allocation.attribution.models import AttributionKey, AttributionRule, AttributionRuleSet
from governance.documents import Change
from governance.documents.operations import (
    change_of,
    current_version,
    organisation_of,
    record_version,
    replace_version,
    scopes_at,
    version_fields,
)
from governance.errors import NotFound
from governance.people.models import ApiKey
from governance.people.rules import Actor, check_may_change
from governance.scopes.models import Scope, at_or_below


def plan_attribution_rules(document: AttributionRulesDocument, at: datetime) -> Change:
    """What applying the document would change; writes nothing. Raises NotFound (`scope_unknown`) for an unknown
    organisation and OtherOrganisation when the name is taken by another one.
    """
    del at
    organisation_of(document.spec.organisation)
    return change_of(document, current_version(AttributionRuleSet, document.metadata.name), "keys", "rules")


@transaction.atomic
def apply_attribution_rules(document: AttributionRulesDocument, *, actor: Actor, at: datetime) -> Change:
    """Makes a changed document the current version and records it in the audit chain. Raises as the plan does, and
    NotFound for an unknown scope (`scope_unknown`) or a Weir key that is not the organisation's (`key_unknown`).
    """
    organisation = organisation_of(document.spec.organisation, locked=True)
    check_may_change(actor, "allocation.attributionruleset", organisation.path)
    current = current_version(AttributionRuleSet, document.metadata.name)
    change = change_of(document, current, "keys", "rules")
    if change.action == "unchanged":
        return change
    keys, rules = document.spec.keys or (), document.spec.rules
    scopes = scopes_at(document.spec.scopes)
    _check_weir_keys((key.weir_key for key in keys if key.weir_key), organisation)
    rule_set = AttributionRuleSet(**version_fields(document, current, organisation, actor, at))
    replace_version(rule_set)
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
    record_version(change, "attribution_rules.apply", rule_set, actor, at)
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
    named = set(prefixes)
    known = ApiKey.objects.filter(at_or_below((organisation.path,), "scope__path"), prefix__in=named)
    missing = sorted(named - set(known.values_list("prefix", flat=True)))
    if missing:
        raise NotFound(
            f"There is no Weir API key {missing[0]} in {organisation.path}; `weir keys list` shows those there are.",
            code="key_unknown",
        )
