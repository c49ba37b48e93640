"""Who somebody is here whom the provider vouches for, and what their groups give them."""

from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from governance.people.models import Ownership, User
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.sign_in.models import ProviderIdentity
from tests.governance.conftest import Person as MadePerson
from tests.governance.sign_in.conftest import BEGIN, is_in, owned, recorded, said, sign_in_by
from tests.governance.sign_in.identity_provider import IdentityProviderDouble, Person

FINANCE = {"finance approve_budget acme", "finance set_unit_cost acme"}


def test_a_group_gives_a_persona_and_each_change_of_rights_is_in_the_chain(acme_id: IdentityProviderDouble) -> None:
    client, where = sign_in_by(acme_id, address=f"{BEGIN}?next=/admin/governance/scope/")
    assert (where, is_in(client), owned()) == ("/admin/governance/scope/", True, FINANCE)
    ada = User.objects.get()
    assert (ada.email, ada.first_name, ada.last_name, ada.is_staff, ada.is_superuser, ada.has_usable_password()) == (
        "ada@example.com", "Ada", "Lovelace", True, False, False,
    )  # fmt: skip
    assert recorded("sign_in.accept") == [("sign_in.accept", {"address": "127.0.0.1", "methods": ["provider"]})]
    assert recorded("provider_identity.connect") == [
        ("provider_identity.connect", {"issuer": acme_id.issuer, "subject": "248289761001"})
    ]
    assert recorded("user.create", "user.change", "ownership.change") == [
        ("user.create", {"differences": ["email: — → ada@example.com", "is_active: — → True", "is_staff: — → True"]}),
        (
            "ownership.change",
            {"differences": ["owns + acme finance approve_budget", "owns + acme finance set_unit_cost"]},
        ),
        ("user.change", {"differences": ["groups + identity provider: weir-finance"]}),
    ]


def test_who_left_the_group_has_lost_the_persona_at_the_next_sign_in(acme_id: IdentityProviderDouble) -> None:
    sign_in_by(acme_id)
    acme_id.person = Person(groups=())
    client, where = sign_in_by(acme_id)
    assert (where, is_in(client), owned()) == ("/admin/login/", False, set())
    assert said(client) == "You are in no group of those that may come in here."
    assert recorded("user.change")[-1][1] == {"differences": ["groups - identity provider: weir-finance"]}


def test_what_was_given_here_stays(acme_id: IdentityProviderDouble, acme: Scope) -> None:
    sign_in_by(acme_id)
    Ownership.objects.create(scope=acme, user=User.objects.get(), persona="engineering")
    acme_id.person = Person(groups=())
    client, _ = sign_in_by(acme_id)
    assert (is_in(client), owned()) == (True, {"engineering  acme"})


def test_superusers_by_a_group_end_with_it_and_others_do_not(acme_id: IdentityProviderDouble) -> None:
    acme_id.person = Person(groups=("weir-admins",))
    sign_in_by(acme_id)
    assert User.objects.get().is_superuser
    acme_id.person = Person(groups=("weir-finance",))
    sign_in_by(acme_id)
    assert not User.objects.get().is_superuser
    User.objects.update(is_superuser=True)
    for groups in (("weir-admins",), ("weir-finance",)):
        acme_id.person = Person(groups=groups)
        sign_in_by(acme_id)
        assert User.objects.get().is_superuser
    assert [one["differences"] for _, one in recorded("user.change")][:3] == [
        ["is_superuser: False → True"],
        ["is_superuser: True → False", "groups + identity provider: weir-finance"],
        ["groups - identity provider: weir-finance"],
    ]


def test_what_the_setting_gives_no_more_is_gone(acme_id: IdentityProviderDouble, settings: Any, caplog: Any) -> None:
    sign_in_by(acme_id)
    given = tuple(replace(one, scope="acme/nowhere") for one in acme_id.settings.groups if one.persona == "finance")
    settings.IDENTITY_PROVIDER = replace(acme_id.settings, groups=given)
    client, _ = sign_in_by(acme_id)
    assert (is_in(client), owned()) == (True, set())
    assert "WEIR_OIDC_GROUPS gives finance at acme/nowhere, which is no scope" in caplog.text


def test_nobody_comes_to_an_account_by_its_address(
    acme_id: IdentityProviderDouble, acme: Scope, person: MadePerson
) -> None:
    ada = person("ada@example.com", acme, "finance", "approve_budget")
    client, _ = sign_in_by(acme_id)
    assert not is_in(client)
    assert said(client) == (
        "ada@example.com has an account here that is not connected with yours at the provider. Whoever runs Weir"
        " connects it: weir users connect ada@example.com --subject 248289761001"
    )
    call_command("users", "connect", "ada@example.com", "--subject", "248289761001")
    client, _ = sign_in_by(acme_id)
    assert (is_in(client), ProviderIdentity.objects.get().user) == (True, ada)
    call_command("users", "disconnect", "ada@example.com")
    assert owned() == {"finance approve_budget acme"}
    client, _ = sign_in_by(acme_id)
    assert not is_in(client)
    assert [one for one, _ in recorded("provider_identity.connect", "provider_identity.disconnect")] == [
        "provider_identity.connect", "provider_identity.disconnect",
    ]  # fmt: skip


def test_a_subject_is_one_person(acme_id: IdentityProviderDouble, acme: Scope, person: MadePerson) -> None:
    person("bob@example.com", acme)
    sign_in_by(acme_id)
    with pytest.raises(CommandError, match=r"signs in as ada@example\.com already"):
        call_command("users", "connect", "bob@example.com", "--subject", "248289761001")
    acme_id.person = Person(email="ada.king@example.com")
    client, _ = sign_in_by(acme_id)
    assert (is_in(client), set(User.objects.values_list("email", flat=True))) == (
        True, {"ada@example.com", "bob@example.com"},
    )  # fmt: skip


def test_a_closed_account_stays_closed(acme_id: IdentityProviderDouble) -> None:
    sign_in_by(acme_id)
    User.objects.update(is_active=False)
    client, _ = sign_in_by(acme_id)
    assert (is_in(client), said(client)) == (False, "This account is closed here.")


def test_who_is_in_no_group_leaves_no_trace(acme_id: IdentityProviderDouble) -> None:
    acme_id.person = Person(groups=("everybody",))
    client, _ = sign_in_by(acme_id)
    assert (is_in(client), User.objects.count(), DecisionRecord.objects.filter(action="user.create").count()) == (
        False, 0, 0,
    )  # fmt: skip
