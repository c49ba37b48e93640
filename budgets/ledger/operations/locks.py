"""One lock keeps posting and the opening of accounts apart: many may post at once, or one may open."""

import time
from collections.abc import Callable, Collection
from uuid import UUID

from budgets.ledger.models import Account
from governance.scopes.queries import TREE_STATE, ScopeTree, tree_in_state
from governance.statements.operations import Message, one_message
from governance.work.engine.locks import POSTING_LOCK
from governance.work.operations import hold


def lock_for_posting() -> tuple[UUID | None, ScopeTree]:
    """Shared, until the transaction ends. Returns the version of the accounts as it is under the lock, None before the
    first was opened, and the tree of scopes. What else it guards is read in a later statement: a statement's snapshot
    is older than the lock it waits for.
    """
    with one_message() as message:
        known = ask_to_lock_for_posting(message)
    return known()


def ask_to_lock_for_posting(message: Message) -> Callable[[], tuple[UUID | None, ScopeTree]]:
    """As `lock_for_posting`, by a message that asks other things too: what is returned tells when it is answered."""
    asked_at = time.monotonic()
    hold(POSTING_LOCK, shared=True, message=message)
    version = message.ask("SELECT version FROM budgets_coverageversion")
    state = message.ask(TREE_STATE)

    def known() -> tuple[UUID | None, ScopeTree]:
        versions = version.rows()
        return versions[0][0] if versions else None, tree_in_state(state.rows(), read_at=asked_at)

    return known


def lock_for_opening() -> None:
    """Exclusive, until the transaction ends. Taken first, before any row, and never after the shared one."""
    hold(POSTING_LOCK)


def lock_balances(account_ids: Collection[int]) -> dict[int, Account]:
    """The accounts of budgets among these, locked in the order of their ids until the transaction ends, by id: before
    several statements that move balances, each of which would lock its own.
    """
    rows = Account.objects.of_budgets().filter(pk__in=account_ids).order_by("pk").select_for_update(no_key=True)
    return {account.pk: account for account in rows}
