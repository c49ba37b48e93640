"""What attribution rules would do to recorded usage, before they are saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.operations import plan_attribution_rules
from allocation.attribution.queries import matcher_of, organisation_seen, proposed_set, rule_sets_in_force
from allocation.coverage.engine.coverage import UsageTotals, ratio
from allocation.coverage.engine.moves import ProposedMoves, proposed_moves
from allocation.coverage.queries import groups_of
from governance.documents import Change
from governance.errors import Invalid, NotFound
from governance.people.rules import Actor
from governance.scopes.queries import ScopeNode, scope_tree

# What a preview covers where no period is asked for: this many UTC days up to its end.
PREVIEW_DAYS = 30


class SeveralOrganisations(Invalid):
    """The documents and the request name no organisation, or more than one."""

    code = "several_organisations"


class PeriodEmpty(Invalid):
    """`until` is not later than `since`."""

    code = "period_empty"


@dataclass(frozen=True, slots=True)
class NamedMove:
    """A move with the paths of its scopes; `share` is of the period's cost, None without any."""

    from_scope: str
    to_scope: str
    used: UsageTotals
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class Preview:
    """`changes` is what applying the documents would do. Without documents it is the rules in force, on usage that may
    be older than they are. `movements` are those of `moves`, with the scopes' paths.
    """

    organisation: ScopeNode
    since: datetime
    until: datetime
    changes: tuple[Change, ...]
    moves: ProposedMoves
    movements: tuple[NamedMove, ...]


def preview_attribution(
    *,
    organisation: str = "",
    documents: Sequence[AttributionRulesDocument] = (),
    since: datetime,
    until: datetime,
    actor: Actor,
    at: datetime,
) -> Preview:
    """What usage of [since, until) would count at another scope under the proposed documents. Each takes the place of
    the rule set of its name, beside the other rule sets in force. Nothing is written. Raises period_empty,
    several_organisations and scope_unknown.
    """
    if since >= until:
        raise PeriodEmpty("The period is empty: `until` must be later than `since`.")
    named = {document.spec.organisation for document in documents} | ({organisation} if organisation else set())
    if len(named) != 1:
        raise SeveralOrganisations("A preview is of one organisation; name one, or give documents of one.")
    root = organisation_seen(named.pop(), actor)
    changes = tuple(plan_attribution_rules(document, at) for document in documents)
    sets = rule_sets_in_force(root.id).get(root.id, {})
    for document in documents:
        sets[document.metadata.name] = proposed_set(document, _scope_ids(document))
    matcher = matcher_of(sets)
    tree = scope_tree()
    groups = groups_of(scope_ids=tree.descendants(root.id), since=since, until=until, reads=matcher.reads)
    moves = proposed_moves(groups, matcher, unattributed_id=tree.unattributed(root.id))
    paths = {scope_id: node.path for scope_id, node in tree.by_id.items()}
    movements = (
        NamedMove(paths[move.from_id], paths[move.to_id], move.used, ratio(move.used.cost, moves.used.cost))
        for move in moves.movements
    )
    return Preview(root, since, until, changes, moves, tuple(movements))


def _scope_ids(document: AttributionRulesDocument) -> dict[str, int]:
    known = scope_tree().by_path
    wanted = set(document.spec.scopes)
    missing = sorted(wanted - known.keys())
    if missing:
        raise NotFound(f"There is no scope {missing[0]}; apply its Scope document first.", code="scope_unknown")
    return {path: known[path].id for path in wanted}
