"""The dead-man's switch: owners are notified when guardrails are no longer evaluated."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from governance.scopes.models import Scope
from governance.work.operations import each_apart
from policies.evaluation.operations.messages import notify_owners
from policies.evaluation.queries import EvaluationLag, evaluation_lag

logger = logging.getLogger(__name__)


@transaction.atomic
def watch_evaluation(*, at: datetime) -> EvaluationLag:
    """When evaluation has stalled, notify the owners of every waiting organisation, once per stall."""
    lag = evaluation_lag(at=at)
    if not lag.is_stalled:
        return lag
    told = each_apart(
        Scope.objects.filter(pk__in=lag.organisation_ids).order_by("pk"),
        lambda scope: _tell(scope, lag, at),
        named=lambda scope: scope.path,
    )
    for path, fault in told.faults.items():
        logger.error("nobody could be told that guardrails of %s are not evaluated", path, exc_info=fault)
    return lag


def _tell(scope: Scope, lag: EvaluationLag, at: datetime) -> None:
    since = f"{lag.last_evaluated_at:%Y-%m-%d %H:%M:%S}" if lag.last_evaluated_at else "the beginning"
    notify_owners(
        scope=scope,
        dedup_key=f"evaluation-stalled:{scope.pk}:{since}",
        title=f"Guardrails of {scope.path} are not being evaluated",
        text=(
            f"Usage has waited since {lag.oldest_dirty_since:%Y-%m-%d %H:%M:%S} UTC; the last evaluation of new "
            f"usage was at {since}. Constraints already set still hold; new breaches are not noticed. "
            f"See `weir doctor`."
        ),
        event_type="evaluation.stalled",
        at=at,
    )
