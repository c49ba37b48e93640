"""Notify an organisation once when its guardrails cannot be evaluated, and close the gap when they can again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from governance.scopes.models import Scope
from policies.evaluation.models import DataGap
from policies.evaluation.operations.messages import notify_owners
from policies.evaluation.queries import ScopeAssessment

NAMES_SHOWN_MAX = 5


HeldFindings = Mapping[int, Sequence[ScopeAssessment]]
"""Findings held for lack of data or after an error, by organisation id."""


def open_gaps(held: HeldFindings, *, at: datetime) -> None:
    """Open a DataGap, with one message to the owners, for each organisation and cause that has none open."""
    for root_id, findings in sorted(held.items()):
        for cause in DataGap.Cause.values:
            affected = _held_for(cause, findings)
            if not affected or DataGap.objects.filter(organisation_id=root_id, cause=cause, ended_at=None).exists():
                continue
            names = sorted({finding.guardrail for finding in affected})
            reason = affected[0].outcome.reason if affected[0].outcome is not None else ""
            scopes_count = len({finding.scope.id for finding in affected})
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
                _notify(gap, at)


def _notify(gap: DataGap, at: datetime) -> None:
    scope = Scope.objects.get(pk=gap.organisation_id)
    listed = ", ".join(gap.guardrails[:NAMES_SHOWN_MAX])
    more = len(gap.guardrails) - NAMES_SHOWN_MAX
    names = f"{listed} and {more} more" if more > 0 else listed
    notify_owners(
        scope=scope,
        dedup_key=f"data-gap:{scope.pk}:{gap.cause}:{at:%Y-%m-%dT%H:%M:%S}",
        title=f"Guardrails of {scope.path} cannot be evaluated",
        text=(
            f"{names} hold their state on {gap.scopes_count} scope(s): nothing new fires and nothing is released "
            f"until the data is back. {gap.reason}"
        ),
        event_type="guardrail.data_gap",
        at=at,
    )


def _held_for(cause: str, findings: Iterable[ScopeAssessment]) -> list[ScopeAssessment]:
    return [finding for finding in findings if finding.outcome is not None and finding.outcome.status == cause]


def close_gaps(*held: HeldFindings, at: datetime) -> None:
    """After a full sweep, end the gaps of organisations where no guardrail is held for that cause any more."""
    for gap in DataGap.objects.filter(ended_at=None):
        if not any(_held_for(gap.cause, findings.get(gap.organisation_id, ())) for findings in held):
            gap.ended_at = at
            gap.save(update_fields=["ended_at"])
