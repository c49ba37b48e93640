"""Rule sets in the form the engine tries: those in force, and those of documents not applied yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from allocation.attribution.documents import AttributionRulesDocument, condition
from allocation.attribution.engine import Key, Matcher, Rule
from allocation.attribution.models import AttributionKey, AttributionRule, AttributionRuleSet
from governance.errors import NotFound
from governance.people.rules import Actor
from governance.scopes.queries import ScopeNode, scope_tree


@dataclass(slots=True)
class RuleSetLines:
    """The keys and rules of one rule set, in their order."""

    keys: list[Key] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)


# By the name of the rule set.
RuleSets = dict[str, RuleSetLines]


def matcher_of(sets: Mapping[str, RuleSetLines]) -> Matcher:
    """The keys of every set are tried before the rules of any; sets are tried in the order of their names."""
    ordered = [sets[name] for name in sorted(sets)]
    return Matcher(
        (rule for lines in ordered for rule in lines.rules), (key for lines in ordered for key in lines.keys)
    )


def rule_sets_in_force(organisation_id: int | None = None) -> dict[int, RuleSets]:
    """Current rule sets by organisation: those of all organisations, or of one."""
    current = AttributionRuleSet.objects.filter(is_current=True)
    if organisation_id is not None:
        current = current.filter(organisation_id=organisation_id)
    rule_sets = {row.pk: row for row in current.defer("document")}
    by_organisation: dict[int, RuleSets] = {}
    lines = {pk: RuleSetLines() for pk in rule_sets}
    for pk, row in rule_sets.items():
        by_organisation.setdefault(row.organisation_id, {})[row.name] = lines[pk]
    for key in AttributionKey.objects.filter(rule_set__in=rule_sets).order_by("position"):
        lines[key.rule_set_id].keys.append(key_of(rule_sets[key.rule_set_id].name, key, key.scope_id))
    for rule in AttributionRule.objects.filter(rule_set__in=rule_sets).order_by("position"):
        lines[rule.rule_set_id].rules.append(rule_of(rule_sets[rule.rule_set_id].name, rule, rule.scope_id))
    return by_organisation


def proposed_set(document: AttributionRulesDocument, scope_ids: Mapping[str, int]) -> RuleSetLines:
    """A document's lines as if applied. `scope_ids` holds the id of every scope path that the document names."""
    name = document.metadata.name
    keys = (
        AttributionKey(
            position=position, name=key.name, kind=kind, value=value,
            effective_from=key.effective_from, effective_to=key.effective_to,
        )
        for position, key in enumerate(document.spec.keys or ())
        for kind, value in (key.identity,)
    )  # fmt: skip
    rules = (
        AttributionRule(
            position=position, name=rule.name, when=rule.when or {}, condition=rule.condition or "",
            effective_from=rule.effective_from, effective_to=rule.effective_to,
        )
        for position, rule in enumerate(document.spec.rules)
    )  # fmt: skip
    return RuleSetLines(
        [
            key_of(name, key, scope_ids[spec.scope])
            for key, spec in zip(keys, document.spec.keys or (), strict=True)
        ],
        [rule_of(name, rule, scope_ids[spec.scope]) for rule, spec in zip(rules, document.spec.rules, strict=True)],
    )  # fmt: skip


def key_of(set_name: str, row: AttributionKey, scope_id: int) -> Key:
    """The engine's key of a stored one, labelled with its rule set's name."""
    return Key(
        name=f"{set_name}:{row}",
        kind=row.kind,
        value=row.value,
        scope_id=scope_id,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
    )


def rule_of(set_name: str, row: AttributionRule, scope_id: int) -> Rule:
    """The engine's rule of a stored one, labelled with its rule set's name. Raises ExpressionError if its condition no
    longer compiles.
    """
    return Rule(
        name=f"{set_name}:{row}",
        when=tuple(row.when.items()),
        scope_id=scope_id,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        condition=condition(row.condition) if row.condition else None,
    )


def organisation_seen(path: str, actor: Actor) -> ScopeNode:
    """The organisation at `path`. Raises NotFound (`scope_unknown`) unless the actor sees all of it: somebody who sees
    a part learns no more than somebody who sees nothing.
    """
    node, is_seen = scope_tree().by_path.get(path), actor.sees(path)
    if node is None or node.parent_id is not None or not is_seen:
        raise NotFound(f"There is no organisation {path} among those you may see.", code="scope_unknown")
    return node
