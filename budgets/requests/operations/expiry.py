"""Requests that have waited past their deadline: they end, and both sides are told."""

from datetime import datetime

from django.db import transaction

from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from budgets.requests.operations.steps import raised_by, record, say, step
from budgets.requests.operations.telling import amount_of, tell_authors, tell_deciders, tell_owners
from governance.people.rules import Actor
from governance.scopes.queries import scope_tree
from governance.work.operations import each_apart, tell_faults

KIND = QuotaRequestEntry.Kind
EXPIRY_HEARTBEAT = "budgets.expire_requests"


def expire_requests(*, at: datetime) -> int:
    """Ends those whose deadline has passed, and tells of emergency grants that nobody reviewed by theirs, each once;
    how many. A fault in one is told by the heartbeat and the log, and stops no other.
    """
    late = QuotaRequest.objects.waiting() | QuotaRequest.objects.to_review().exclude(thread__kind=KIND.OVERDUE)
    due = late.filter(decide_by__lte=at).order_by("pk").values_list("pk", "scope_id")
    paths = scope_tree().by_id
    scope_of = dict(due)
    done = each_apart(
        scope_of, lambda pk: _expire(pk, at) or _remind(pk, at), named=lambda pk: f"{pk} of {paths[scope_of[pk]].path}"
    )
    tell_faults(EXPIRY_HEARTBEAT, done.faults, at=at, sentence="quota request %s could not be ended")
    return sum(done.results)


@transaction.atomic
def _expire(request_id: int, at: datetime) -> int:
    rows = QuotaRequest.objects.waiting().select_related("scope", "requested_by").select_for_update(of=("self",))
    request = rows.filter(pk=request_id, decide_by__lte=at).first()
    if request is None:
        return 0
    step(request, "expire", at=at)
    request.save(update_fields=["status"])
    until = f"{request.decide_by:%d %B %Y, %H:%M}"
    text = f"Nobody decided by {until} UTC. Nothing has moved: ask again if it is still needed."
    say(request, KIND.EXPIRED, text, by=None, at=at)
    title = f"Expired: {amount_of(request)} more for {request.scope.path}"
    tell_authors(request, title, text, key="expired", at=at)
    tell_deciders(request, raised_by(request, at=at), title, text, key="expired", at=at)
    record(request, "expire", actor=Actor.system(), reason=text, at=at)
    return 1


@transaction.atomic
def _remind(request_id: int, at: datetime) -> int:
    rows = QuotaRequest.objects.to_review().select_related("scope", "requested_by", "budget__scope")
    request = rows.select_for_update(of=("self",)).filter(pk=request_id, decide_by__lte=at).first()
    if request is None or request.budget is None or request.thread.filter(kind=KIND.OVERDUE).exists():
        return 0
    text = (
        "Nobody confirmed or disputed it in time. It stays to be reviewed, and nothing more is granted to the budget in"
        " an emergency before that."
    )
    say(request, KIND.OVERDUE, text, by=None, at=at)
    title = f"Not reviewed: {amount_of(request)} more for {request.scope.path}, granted in an emergency"
    tell_authors(request, title, text, key="overdue", at=at)
    tell_owners(request, request.budget, title, text, key="overdue:owners", at=at)
    record(request, "remind", actor=Actor.system(), reason=text, at=at)
    return 1
