"""Applying an organisation's approval rules: versions, never edits."""

from datetime import datetime

from django.db import transaction

from budgets.approval_rules.documents import ApprovalRulesDocument, ApprovalSpec
from budgets.approval_rules.models import ApprovalRules
from governance.documents import Change
from governance.documents.operations import (
    change_of,
    current_version,
    organisation_of,
    record_version,
    replace_version,
    scopes_at,
    version_fields,
)
from governance.errors import DomainError, NotFound, RightRequired
from governance.people.models import DecisionRight, User
from governance.people.rules import Actor, check_may_change


class OneDocumentOfRules(DomainError):
    """The organisation has its approval rules in a document of another name."""

    code = "approval_rules_exist"


@transaction.atomic
def apply_approval_rules(document: ApprovalRulesDocument, *, actor: Actor, at: datetime) -> Change:
    """Makes a changed document the version in force, from this instant on and also for what waits already. A person
    needs the right to approve budgets of the whole organisation: rules say who else may. NotFound (`scope_unknown`),
    Forbidden, RightRequired, OneDocumentOfRules.
    """
    spec = document.spec
    organisation = organisation_of(spec.organisation, locked=True)
    check_may_change(actor, "budgets.approvalrules", organisation.path)
    if not actor.is_system and not actor.may(DecisionRight.APPROVE_BUDGET, organisation):
        raise RightRequired(f"{actor.label} does not hold the right to approve budgets of all of {organisation.path}.")
    current = current_version(ApprovalRules, document.metadata.name)
    change = change_of(document, current, "rules")
    if change.action == "unchanged":
        return change
    other = ApprovalRules.objects.filter(organisation=organisation, is_current=True).exclude(name=change.name).first()
    if other is not None:
        raise OneDocumentOfRules(
            f"The approval rules of {organisation.path} are in the document {other.name}: change that one."
        )
    scopes_at(spec.scopes)
    _check_people(spec)
    version = ApprovalRules(**version_fields(document, current, organisation, actor, at))
    replace_version(version)
    record_version(change, "approval_rules.apply", version, actor, at)
    return change


def _check_people(spec: ApprovalSpec) -> None:
    """NotFound for who stands in, or is stood in for, and does not see the scope: by one sentence, whoever they are."""
    for each in spec.stand_ins:
        path = each.scope or spec.organisation
        for address in (each.instead_of, each.to):
            user = User.objects.filter(email=address, is_active=True).first()
            if user is None or not Actor.of_user(user).sees(path):
                raise NotFound(f"stand_ins: there is no {address} who sees {path}.", code="person_unknown")
