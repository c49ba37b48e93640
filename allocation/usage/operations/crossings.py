"""Budgets that a charge brought to a watched line, evaluated in the transaction that charges them, by the function that
the settings name: `allocation` does not import guardrails.
"""

import logging
from collections.abc import Callable, Collection
from datetime import datetime

from django.db import connection, transaction

from allocation.usage.operations.posting import function_named
from allocation.usage.operations.watermarks import mark_lineages_dirty
from governance.memory.operations import tell_after
from governance.work.engine.sqlstates import QUERY_CANCELLED
from governance.work.operations import sqlstate_of

logger = logging.getLogger(__name__)

# How long the usage that is recorded, and all that waits for its accounts, may be held up.
LOCK_MS_MAX, STATEMENT_MS_MAX = 100, 250
OUT_OF_TIME = frozenset({"55P03", QUERY_CANCELLED, "40P01"})  # a lock not had, a statement too long, a deadlock


def evaluate_crossings(crossed: Collection[int], at: datetime) -> int:
    """Evaluates these scopes, as the last step of the transaction that charged them: what it limits is in force with
    the charge. What cannot be evaluated in time, or fails, and all scopes above are marked to be evaluated at once.
    Returns the number of the transaction, as `tell_after`; 0 when nothing was evaluated.
    """
    if not crossed:
        return 0
    evaluated = _evaluated(crossed, at)
    mark_lineages_dirty(crossed, at, but=evaluated)
    return tell_after() if evaluated else 0


def _evaluated(crossed: Collection[int], at: datetime) -> Collection[int]:
    """The scopes of which nothing more is to be said now. A fault is told of, and usage is recorded all the same."""
    evaluate: Callable[..., Collection[int]] | None = function_named("USAGE_CROSSING")
    if evaluate is None:
        return ()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MS_MAX}; SET LOCAL statement_timeout = {STATEMENT_MS_MAX}")
            evaluated = evaluate(scope_ids=crossed, at=at)
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT; SET LOCAL statement_timeout TO DEFAULT")
            return evaluated
    except Exception as problem:
        if connection.needs_rollback:
            # Not this alone: with the connection the transaction is gone.
            raise
        if sqlstate_of(problem) in OUT_OF_TIME:
            logger.warning("a budget that came to a line is evaluated after its charge: %s", problem)
        else:
            logger.exception("a budget that came to a line is evaluated after its charge")
        return ()
