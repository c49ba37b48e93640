"""What the one statement of a decision repeats of the rules of other rooms, held to them."""

from datetime import datetime, timedelta
from itertools import product

import pytest

from budgets.plans.models import Budget
from governance.errors import Forbidden
from governance.organisations.operations import create_api_key
from governance.people.models import ApiKey, KeyPermission
from governance.people.operations import authenticate_key
from governance.scopes.models import Scope
from policies.constraints.models import Constraint
from policies.decisions.errors import KeyRefused
from policies.decisions.queries.statement import decide, decide_for_key
from tests.policies.conftest import AT, SYSTEM, Apply, Spend, evaluate

SECOND = timedelta(seconds=1)


def _accepted(plaintext: str, at: datetime) -> bool:
    try:
        return decide_for_key(plaintext=plaintext, scope_path="acme", model="gpt-4o", at=at).decision == "allow"
    except KeyRefused:
        return False


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "valid"),
    [
        (None, None, True),
        (AT + SECOND, None, True),
        (AT, None, False),
        (AT - SECOND, None, False),
        (None, AT - SECOND, False),
        (None, AT + SECOND, False),
        (AT + SECOND, AT - SECOND, False),
    ],
)
def test_a_key_is_valid_alike_on_the_row_when_signing_in_and_in_a_decision(
    acme: Scope, expires_at: datetime | None, revoked_at: datetime | None, valid: bool
) -> None:
    key, plaintext = create_api_key(scope=acme, permissions=["decisions:read"], actor=SYSTEM, at=AT)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=expires_at, revoked_at=revoked_at)
    key.refresh_from_db()
    assert (key.valid_at(AT), authenticate_key(plaintext, at=AT) is not None, _accepted(plaintext, AT)) == (
        valid, valid, valid,
    )  # fmt: skip


@pytest.mark.parametrize("permission", KeyPermission.values)
def test_a_key_is_permitted_alike_on_the_row_and_in_a_decision(acme: Scope, permission: str) -> None:
    key, plaintext = create_api_key(scope=acme, permissions=[permission], actor=SYSTEM, at=AT)
    try:
        permitted = _accepted(plaintext, AT)
    except Forbidden:
        permitted = False
    assert permitted is key.has_permission("decisions:read")


def test_a_constraint_is_in_force_alike_as_a_row_and_in_a_decision(apply: Apply, spend: Spend, budget: Budget) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    constraint = Constraint.objects.get()
    at = constraint.starts_at + timedelta(hours=1)
    released = {"released_at": at, "released_by": "sam@example.com", "release_reason": "Paid."}
    active = {"released_at": None, "released_by": "", "release_reason": ""}
    ended = {"active": active, "released": released, "expired": released}
    found = {}
    for status, expires_in in product(Constraint.Status.values, (-SECOND, timedelta(0), SECOND)):
        Constraint.objects.filter(pk=constraint.pk).update(status=status, expires_at=at + expires_in, **ended[status])
        denied = decide(scope_path="acme/search", model="gpt-4o", at=at).decision == "deny"
        found[status, expires_in] = (Constraint.objects.in_force(at).exists(), denied)
    assert found == {
        (status, expires_in): (status == "active" and expires_in == SECOND,) * 2
        for status, expires_in in product(Constraint.Status.values, (-SECOND, timedelta(0), SECOND))
    }
