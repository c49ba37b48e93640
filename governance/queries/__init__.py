from governance.queries.addresses import OWNERS_CHANNEL, Destination, destinations, owner_emails
from governance.queries.chain import chain_head, chained_records, is_intact, verify_chain, with_evidence_text
from governance.queries.tree import (
    ScopeNode,
    ScopeTree,
    build_tree,
    forget_scope_tree,
    scope_tree,
    visible_scope_paths,
)
from governance.queries.unit_cost import unit_costs_in_force

__all__ = [
    "OWNERS_CHANNEL",
    "Destination",
    "ScopeNode",
    "ScopeTree",
    "build_tree",
    "chain_head",
    "chained_records",
    "destinations",
    "forget_scope_tree",
    "is_intact",
    "owner_emails",
    "scope_tree",
    "unit_costs_in_force",
    "verify_chain",
    "visible_scope_paths",
    "with_evidence_text",
]
