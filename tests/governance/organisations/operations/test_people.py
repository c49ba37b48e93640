import pytest

from governance.errors import DomainError, Forbidden
from governance.organisations.operations import create_user
from governance.organisations.operations.people import ownership_rights
from governance.people.models import Ownership, User
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person


def owned(email: str) -> list[tuple[str, str, str]]:
    rows = Ownership.objects.filter(user__email=email).order_by("scope__path", "decision_right")
    return list(rows.values_list("scope__path", "persona", "decision_right"))


def test_a_person_gets_a_password_once_and_the_usual_rights_of_the_persona(acme: Scope, search: Scope) -> None:
    user, password = create_user(email=" Fay@Example.com ", persona="finance", scope=search, actor=SYSTEM, at=AT)
    assert (user.email, user.is_staff, user.is_superuser) == ("fay@example.com", True, False)
    assert user.check_password(password or "")
    assert owned("fay@example.com") == [
        ("acme/search", "finance", "approve_budget"), ("acme/search", "finance", "set_unit_cost"),
    ]  # fmt: skip
    again, nothing = create_user(email="FAY@example.com", persona="engineering", scope=acme, actor=SYSTEM, at=AT)
    assert (again, nothing) == (user, None)
    assert owned("fay@example.com")[0] == ("acme", "engineering", "acknowledge")
    said = DecisionRecord.objects.filter(action="ownership.grant").order_by("seq").values_list("subject", "scope_path")
    assert list(said) == [("user:fay@example.com", "acme/search"), ("user:fay@example.com", "acme")]


def test_a_right_held_already_stays_as_it_is(search: Scope) -> None:
    for _ in range(2):
        create_user(
            email="ada@example.com", persona="engineering", scope=search, rights=["acknowledge"], actor=SYSTEM, at=AT
        )
    assert owned("ada@example.com") == [("acme/search", "engineering", "acknowledge")]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"email": "no address"}, "email_invalid"),
        ({"persona": "boss"}, "persona_unknown"),
        ({"rights": ["acknowledge", "everything"]}, "right_unknown"),
    ],
)
def test_what_is_no_person_is_refused_whole(search: Scope, wrong: dict[str, object], code: str) -> None:
    said = {"email": "ada@example.com", "persona": "engineering", "scope": search, "actor": SYSTEM, "at": AT}
    with pytest.raises(DomainError) as refused:
        create_user(**{**said, **wrong})  # type: ignore[arg-type]
    assert refused.value.code == code
    assert not User.objects.filter(email="ada@example.com").exists()


def test_nobody_is_made_an_owner_of_what_the_actor_does_not_see(acme: Scope, search: Scope, person: Person) -> None:
    ada = Actor.of_user(person("ada@example.com", search, "platform"))
    with pytest.raises(Forbidden):
        create_user(email="bob@example.com", persona="engineering", scope=acme, actor=ada, at=AT)
    assert not User.objects.filter(email="bob@example.com").exists()


def test_rights_are_the_personas_unless_said_and_none_is_a_row_too() -> None:
    assert ownership_rights("platform", None) == ("constrain_demand", "acknowledge")
    assert ownership_rights("platform", []) == ("",)
    assert ownership_rights("platform", ["acknowledge"]) == ("acknowledge",)
