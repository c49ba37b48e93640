"""Whether dirty scopes are being evaluated, and how long they have waited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.people.rules import Actor
from governance.scopes.queries import scope_tree
from governance.work.models import DirtyScope, Heartbeat
from policies.evaluation.models import EvaluationRun

EVALUATION_HEARTBEAT = "policies.evaluation"
STALLED_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class EvaluationLag:
    """How far evaluation is behind. Stalled means: for two minutes scopes have waited and none was evaluated."""

    oldest_dirty_since: datetime | None
    last_evaluated_at: datetime | None
    dirty_count: int
    organisation_ids: tuple[int, ...]
    is_stalled: bool

    @property
    def sentence(self) -> str:
        """The lag in words, for people."""
        if self.oldest_dirty_since is None:
            return "No usage waits for evaluation."
        waiting = (
            f"{self.dirty_count} scope(s) wait for evaluation since {self.oldest_dirty_since:%Y-%m-%d %H:%M:%S} UTC"
        )
        return f"{waiting}; evaluation has stalled." if self.is_stalled else f"{waiting}."


def evaluation_lag(*, at: datetime, actor: Actor | None = None) -> EvaluationLag:
    """The lag over the scopes that the actor sees, without one over all organisations; only organisations with waiting
    scopes are listed.
    """
    tree = scope_tree()
    waiting = [
        (scope_id, since)
        for scope_id, since in DirtyScope.objects.order_by("dirty_since").values_list("scope_id", "dirty_since")
        if actor is None or (scope_id in tree.by_id and actor.sees(tree.by_id[scope_id].path))
    ]
    last = Heartbeat.objects.filter(name=EVALUATION_HEARTBEAT).values_list("beat_at", flat=True).first()
    oldest = waiting[0][1] if waiting else None
    is_stalled = oldest is not None and oldest <= at - STALLED_AFTER and (last is None or last <= at - STALLED_AFTER)
    roots = {tree.by_id[scope_id].root_id for scope_id, _since in waiting if scope_id in tree.by_id}
    return EvaluationLag(oldest, last, len(waiting), tuple(sorted(roots)), is_stalled)


def set_back_by(at: datetime) -> timedelta:
    """How long before the last sweep or evaluation the clock stands: it was set back, and passes that time again.
    Sweeps run every 30 seconds.
    """
    last = EvaluationRun.objects.order_by("-started_at").values_list("started_at", flat=True).first()
    return max(timedelta(), last - at) if last is not None else timedelta()
