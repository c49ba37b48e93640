"""Proving the ledger of every organisation: each account against its transfers, those below it, and open holds."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from budgets.proof.engine.books import Proof
from budgets.proof.errors import LedgerUnprovedError
from budgets.proof.queries import PROOF_HEARTBEAT, books_of, totals_of
from governance.scopes.queries import ScopeNode, scope_tree
from governance.work.operations import each_apart, tell_faults

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verified:
    """The proofs, and the errors of organisations that could not be read, by path."""

    proofs: tuple[Proof, ...]
    unread: dict[str, Exception]

    @property
    def is_proved(self) -> bool:
        """Whether everything was read and adds up."""
        return not self.unread and not any(proof.flaws_found for proof in self.proofs)


def verify_ledgers(
    *, at: datetime, only: Collection[int] = (), progress: Callable[[int], object] = lambda _accounts: None
) -> Verified:
    """Proves the ledger of each organisation, or of those with the ids `only`, reading alone; `progress` is told how
    many accounts were read. What does not add up is shown as what fails for some until it is proved again.
    """
    nodes = scope_tree().by_id
    done = each_apart(
        sorted(only or scope_tree().roots),
        lambda root_id: _prove(nodes[root_id], progress),
        named=lambda root_id: nodes[root_id].path,
    )
    unproved = {proof.organisation: _unproved(proof) for proof in done.results if proof.flaws}
    tell_faults(
        PROOF_HEARTBEAT, {**done.faults, **unproved}, at=at, sentence="the ledger of %s is not proved", beats=not only
    )
    return Verified(tuple(done.results), done.faults)


def _unproved(proof: Proof) -> LedgerUnprovedError:
    first = proof.flaws[0].sentence(proof.currency)
    return LedgerUnprovedError(f"{first} {proof.flaws_found:,} in all: weir ledger verify.")


def _prove(node: ScopeNode, progress: Callable[[int], object]) -> Proof:
    proof = Proof(node.path, node.currency, totals_of(node.path))
    accounts = 0
    for portion in books_of(node.path):
        proof.add(portion)
        accounts += len(portion)
        progress(len(portion))
    logger.info(
        "ledger of %s: %d accounts, %d transfers, %d flaws", node.path, accounts, proof.transfers, proof.flaws_found
    )
    return proof
