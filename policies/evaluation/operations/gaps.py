"""Tell an organisation once that its guardrails cannot see, and notice when they can again."""

from __future__ import annotations

from datetime import datetime

from governance.scopes.models import Scope
from policies.evaluation.models import DataGap
from policies.evaluation.operations.messages import tell_owners
from policies.evaluation.queries import Assessment

NAMES_SHOWN_MAX = 5


def open_gaps(found: Assessment, *, at: datetime) -> None:
    """One row and one message for an organisation and cause; an open gap is not told of again."""
    for root_id, findings in sorted(found.held.items()):
        for cause in DataGap.Cause.values:
            held = [one for one in findings if one.outcome is not None and one.outcome.status == cause]
            if not held or DataGap.objects.filter(organisation_id=root_id, cause=cause, ended_at=None).exists():
                continue
            names = sorted({one.guardrail for one in held})
            reason = held[0].outcome.reason if held[0].outcome is not None else ""
            scopes_count = len({one.scope.id for one in held})
            gap = DataGap(
                organisation_id=root_id,
                cause=cause,
                guardrails=names,
                scopes_count=scopes_count,
                reason=reason,
                opened_at=at,
            )
            created = DataGap.objects.bulk_create([gap], ignore_conflicts=True)
            if created:
                _tell(gap, at)


def _tell(gap: DataGap, at: datetime) -> None:
    scope = Scope.objects.get(pk=gap.organisation_id)
    shown = ", ".join(gap.guardrails[:NAMES_SHOWN_MAX])
    more = len(gap.guardrails) - NAMES_SHOWN_MAX
    names = f"{shown} and {more} more" if more > 0 else shown
    tell_owners(
        scope=scope,
        dedup_key=f"data-gap:{scope.pk}:{gap.cause}:{at:%Y-%m-%dT%H:%M:%S}",
        title=f"Guardrails of {scope.path} cannot see",
        text=(
            f"{names} hold their state on {gap.scopes_count} scope(s): nothing new fires and nothing is released "
            f"until the data is back. {gap.reason}"
        ),
        event_type="guardrail.data_gap",
        at=at,
    )


def close_gaps(found: Assessment, *, at: datetime) -> None:
    """After a whole sweep: an organisation with nothing held of that cause can see again."""
    for gap in DataGap.objects.filter(ended_at=None):
        held = found.held.get(gap.organisation_id, [])
        if not any(one.outcome is not None and one.outcome.status == gap.cause for one in held):
            gap.ended_at = at
            gap.save(update_fields=["ended_at"])
