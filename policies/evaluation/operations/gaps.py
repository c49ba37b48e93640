"""Notify an organisation once when its guardrails cannot be evaluated, again while that lasts, and close the gap when
they can again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from governance.scopes.models import Scope
from policies.evaluation.models import DataGap
from policies.evaluation.operations.messages import notify_owners
from policies.evaluation.queries import ScopeAssessment

NAMES_SHOWN_MAX = 5
TOLD_AGAIN_AFTER = timedelta(days=1)


HeldFindings = Mapping[int, Sequence[ScopeAssessment]]
"""Findings held for lack of data or after an error, by organisation id."""


def open_gaps(held: HeldFindings, *, at: datetime) -> None:
    """Open a DataGap, with one message to the owners, for each organisation and cause that has none open."""
    for root_id, findings in sorted(held.items()):
        for cause in DataGap.Cause.values:
            affected = _held_for(cause, findings)
            if not affected or DataGap.objects.filter(organisation_id=root_id, cause=cause, ended_at=None).exists():
                continue
            gap = DataGap(organisation_id=root_id, cause=cause, opened_at=at, told_at=at)
            _describe(gap, affected)
            gap.told_versions = _versions(affected)
            created = DataGap.objects.bulk_create([gap], ignore_conflicts=True)
            if created:
                _notify(gap, at)


def tell_again(*held: HeldFindings, at: datetime) -> None:
    """After a full sweep: of a gap that has lasted a day since its owners were told, and of a guardrail that fails
    although it was changed since, its owners are told again, with what is held now.
    """
    for gap in DataGap.objects.filter(ended_at=None).order_by("organisation_id", "cause"):
        affected = [
            finding for findings in held for finding in _held_for(gap.cause, findings.get(gap.organisation_id, ()))
        ]
        if not affected:
            continue
        told, versions = gap.told_versions, _versions(affected)
        is_due = (gap.told_at or gap.opened_at) <= at - TOLD_AGAIN_AFTER
        is_changed = gap.cause == DataGap.Cause.ERROR and any(
            name in told and told[name] != version for name, version in versions.items()
        )
        if not is_due and not is_changed:
            if not versions.items() <= told.items():
                gap.told_versions = told | versions
                gap.save(update_fields=["told_versions"])
            continue
        _describe(gap, affected)
        gap.told_versions, gap.told_at = versions if is_due else told | versions, at
        gap.save(update_fields=["guardrails", "scopes_count", "reason", "told_versions", "told_at"])
        _notify(gap, at)


def _describe(gap: DataGap, affected: Sequence[ScopeAssessment]) -> None:
    gap.guardrails = sorted({finding.guardrail for finding in affected})
    gap.scopes_count = len({finding.scope.id for finding in affected})
    gap.reason = affected[0].outcome.reason if affected[0].outcome is not None else ""


def _versions(affected: Iterable[ScopeAssessment]) -> dict[str, int]:
    """0 for a guardrail that is no longer in force."""
    return {finding.guardrail: finding.active.version_id if finding.active else 0 for finding in affected}


def _notify(gap: DataGap, at: datetime) -> None:
    scope = Scope.objects.get(pk=gap.organisation_id)
    listed = ", ".join(gap.guardrails[:NAMES_SHOWN_MAX])
    more = len(gap.guardrails) - NAMES_SHOWN_MAX
    names = f"{listed} and {more} more" if more > 0 else listed
    is_first = gap.opened_at == at
    since = "" if is_first else f" since {gap.opened_at:%Y-%m-%d %H:%M} UTC"
    notify_owners(
        scope=scope,
        dedup_key=f"data-gap:{scope.pk}:{gap.cause}:{at:%Y-%m-%dT%H:%M:%S}",
        title=f"Guardrails of {scope.path} {'cannot' if is_first else 'still cannot'} be evaluated",
        text=(
            f"{names} hold their state on {gap.scopes_count} scope(s){since}: nothing new fires and nothing is "
            f"released until the data is back. {gap.reason}"
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
