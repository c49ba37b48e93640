"""Approvers who sleep: reminded, then others are asked, each once, in the working time of their organisation."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction

from budgets.approval_rules.documents import SPEC, ApprovalSpec
from budgets.approval_rules.engine.agreeing import in_words, next_addresses
from budgets.approval_rules.engine.lateness import due
from budgets.approval_rules.models import ApprovalRules
from budgets.approval_rules.queries import rules_in_force
from budgets.plans.models import Budget
from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from budgets.requests.operations.steps import raised_by, record, say
from budgets.requests.operations.telling import amount_of, tell_authors, tell_deciders
from budgets.requests.queries import approval_case, said_of
from governance.people.rules import Actor
from governance.scopes.models import at_or_below
from governance.work.operations import each_apart, tell_faults

REMINDERS_HEARTBEAT = "budgets.remind_approvers"
KIND = QuotaRequestEntry.Kind


def remind_approvers(*, at: datetime) -> int:
    """Reminds those who are next of what has waited for as many hours of work as their organisation's rules say, and
    later tells those it is escalated to, who may agree from then on; how many were due. Each once for every time that
    somebody is waited for. A fault in one is told by the heartbeat and the log, and stops no other.
    """
    documents = ApprovalRules.objects.filter(is_current=True, document__has_key="when_late")
    rows = {row.pk: row for row in documents.select_related("organisation").order_by("pk")}
    found = each_apart(rows, lambda pk: _due_of(rows[pk], at), named=lambda pk: f"rules of {rows[pk].organisation}")
    late = {pk: path for part in found.results for pk, path in part.items()}
    done = each_apart(late, partial(_tell_late, at=at), named=lambda pk: f"{pk} of {late[pk]}")
    faults = {**found.faults, **done.faults}
    tell_faults(REMINDERS_HEARTBEAT, faults, at=at, sentence="approvers of quota request %s could not be reminded")
    return sum(done.results)


def _due_of(rules: ApprovalRules, at: datetime) -> dict[int, str]:
    """By request id the path of its scope, of the organisation's requests that something is due for."""
    spec = SPEC.validate_python(rules.document)
    below = at_or_below((rules.organisation.path,), "scope__path")
    waiting = QuotaRequest.objects.waiting().filter(below, decide_by__gt=at)
    paths = dict(waiting.order_by("pk").values_list("pk", "scope__path"))
    said = said_of(paths)
    return {pk: path for pk, path in paths.items() if due(spec, said[pk], at=at) is not None}


@transaction.atomic
def _tell_late(request_id: int, *, at: datetime) -> int:
    rows = QuotaRequest.objects.waiting().select_related("scope", "requested_by").select_for_update(of=("self",))
    request = rows.filter(pk=request_id, decide_by__gt=at).first()
    if request is None:
        return 0
    spec = _spec_of(request)
    what = due(spec, said_of([request_id])[request_id], at=at) if spec is not None else None
    if spec is None or what is None:
        return 0
    if what == "remind":
        _remind(request, at)
    else:
        _escalate(request, spec, at)
    return 1


def _spec_of(request: QuotaRequest) -> ApprovalSpec | None:
    organisation = request.scope.path.partition("/")[0]
    rules = rules_in_force({organisation}).get(organisation)
    return rules.spec if rules is not None else None


def _remind(request: QuotaRequest, at: datetime) -> None:
    budget = raised_by(request, at=at)
    people = _next(request, budget, at)
    text = f"It waits for {' or '.join(people) or 'somebody who may agree'}, until {_deadline(request)}."
    entry = say(request, KIND.REMINDED, text, by=None, at=at)
    title = f"Still waiting for you: {amount_of(request)} more for {request.scope.path}"
    tell_deciders(
        request, budget, title, f"{text}\n\n{request.justification}", key=f"reminded:{entry.pk}", at=at, to=people
    )
    record(request, "remind", actor=Actor.system(), reason=text, at=at, evidence={"told": list(people)})


def _escalate(request: QuotaRequest, spec: ApprovalSpec, at: datetime) -> None:
    """The entry comes first: by it those it is escalated to may agree too."""
    late, budget = spec.when_late, raised_by(request, at=at)
    if late is None or late.escalate_to is None:
        return
    asleep = _next(request, budget, at)
    text = (
        f"{' and '.join(asleep) or 'Nobody who may agree is there, and nobody'} did not decide in"
        f" {late.escalate_after_hours} hours of work: {in_words(late.escalate_to)} may agree too, until"
        f" {_deadline(request)}."
    )
    entry = say(request, KIND.ESCALATED, text, by=None, at=at)
    people = _next(request, budget, at)
    title = f"Escalated to you: {amount_of(request)} more for {request.scope.path}"
    key = f"escalated:{entry.pk}"
    tell_deciders(request, budget, title, f"{text}\n\n{request.justification}", key=key, at=at, to=people)
    tell_authors(request, f"Escalated: {amount_of(request)} more for {request.scope.path}", text, key=key, at=at)
    evidence = {"told": list(people), "asleep": list(asleep)}
    record(request, "escalate", actor=Actor.system(), reason=text, at=at, evidence=evidence)


def _next(request: QuotaRequest, budget: Budget | None, at: datetime) -> Sequence[str]:
    case = approval_case(request, budget, at=at)
    return next_addresses(case) if case is not None else ()


def _deadline(request: QuotaRequest) -> str:
    return f"{request.decide_by:%d %B %Y, %H:%M} UTC"
