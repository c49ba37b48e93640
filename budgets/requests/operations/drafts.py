"""Editing what is not submitted yet."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.db import transaction

from budgets.requests import rules
from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from budgets.requests.operations.asking import Case, check_case, deadline_of, terms_of
from budgets.requests.operations.steps import locked_request, record, say, step
from governance.people.rules import Actor

OF_THE_CASE = tuple(each.name for each in fields(Case))
TERM = ("term", "period", "starts_on", "ends_on")


@transaction.atomic
def edit_draft(*, request_id: int, actor: Actor, at: datetime, changes: Mapping[str, Any]) -> QuotaRequest:
    """Changes the parts of a draft that `changes` names, by anybody who may ask for its scope and then stands behind
    it; its scope and unit stay. Dates belong to their term: another term begins without them.

    WrongStatus once it is submitted, PersonRequired; else as `request_more`.
    """
    request = locked_request(request_id, actor)
    person = rules.check_asker(actor, request.scope)
    step(request, "edit", at=at)
    case = Case(**{name: changes.get(name, getattr(request, name)) for name in OF_THE_CASE})
    amount = changes.get("amount", request.amount)
    check_case(request.unit, amount, case)
    values = terms_of(request.scope, request.unit, amount, **_terms(request, changes), at=at)
    request.amount, request.term, request.period = amount, changes.get("term", request.term), values.period
    request.starts_on, request.ends_on, request.currency = values.starts_on, values.ends_on, values.currency
    for name in OF_THE_CASE:
        setattr(request, name, getattr(case, name))
    kept = request.decide_by if request.decide_by > at else None
    request.decide_by = deadline_of(changes.get("decide_by", kept), request.term, values, at)
    request.save()
    named = ", ".join(sorted(changes)).replace("_", " ")
    say(request, QuotaRequestEntry.Kind.EDITED, f"Edited: {named or 'nothing'}.", by=person, at=at)
    record(request, "edit", actor=actor, reason=request.justification, at=at, evidence={"edited": sorted(changes)})
    return request


def _terms(request: QuotaRequest, changes: Mapping[str, Any]) -> dict[str, Any]:
    is_other = changes.get("term", request.term) != request.term
    kept = {} if is_other or request.term == QuotaRequest.Term.PERIOD else {
        "starts_on": request.starts_on, "ends_on": request.ends_on
    }  # fmt: skip
    base = {"term": request.term, "period": request.period, "starts_on": None, "ends_on": None, **kept}
    return base | {name: changes[name] for name in TERM if name in changes}
