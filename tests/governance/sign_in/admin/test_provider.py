"""People come in by the identity provider, as their browsers do it, against one that speaks the protocol."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_httpserver import HTTPServer

from governance.people.models import Ownership, User
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.sign_in import gateways
from governance.sign_in.admin import provider as pages
from governance.sign_in.models import ProviderIdentity
from tests.governance.conftest import Person as MadePerson
from tests.governance.sign_in.identity_provider import IdentityProviderDouble, Person, signed, signing_key

BEGIN, BACK = "/account/sign-in/provider/", "/account/sign-in/provider/callback/"
PASSWORD = "a long password"
NOT_FINISHED = "Your sign-in could not be finished. Begin it again."
PROVES_NOTHING = "What Acme said of you proves nothing here."


@pytest.fixture
def acme_id(httpserver: HTTPServer, settings: Any, acme: Scope) -> IdentityProviderDouble:
    gateways._kept.clear()
    double = IdentityProviderDouble(httpserver)
    settings.IDENTITY_PROVIDER = double.settings
    settings.PUBLIC_URL = "http://testserver"
    return double


def sent(client: Client, address: str = BEGIN) -> str:
    answer = client.get(address)
    assert answer.status_code == 302
    return answer.headers["Location"]


def sign_in_by(
    double: IdentityProviderDouble, client: Client | None = None, address: str = BEGIN
) -> tuple[Client, str]:
    """The browser, and where it is sent in the end; what the page then says of a refusal."""
    client = client or Client()
    answer = client.get(double.authorize(sent(client, address)))
    assert answer.status_code == 302
    return client, answer.headers["Location"]


def said(client: Client) -> str:
    """The message on the page where one signs in."""
    page = client.get("/admin/login/")
    return " ".join(str(one) for one in page.context["messages"])


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def owned(email: str = "ada@example.com") -> set[str]:
    user = User.objects.get(email=email)
    return {f"{one.persona} {one.decision_right} {one.scope.path}" for one in Ownership.objects.of(user.pk)}


def recorded(*actions: str) -> list[tuple[str, Any]]:
    return list(DecisionRecord.objects.filter(action__in=actions).order_by("seq").values_list("action", "evidence"))


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


Forge = Callable[[dict[str, Any]], str]


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda claims: jwt.encode(claims, None, "none"), "it is signed by 'none'"),
        (lambda claims: jwt.encode(claims, "a secret of the client" * 2, "HS256"), "it is signed by 'HS256'"),
        (lambda claims: jwt.encode(claims, signing_key("second"), "RS256", {"kid": "first"}), "InvalidSignature"),
        (lambda claims: signed(claims, "second"), "the provider has no key 'second'"),
        (lambda claims: signed({**claims, "aud": "another"}), "InvalidAudience"),
        (lambda claims: signed({**claims, "iss": "https://id.example.com"}), "InvalidIssuer"),
        (lambda claims: signed({**claims, "nonce": "of another sign-in"}), "another question (nonce)"),
        (lambda claims: signed({**claims, "exp": claims["exp"] - 1000}), "it has expired"),
    ],
)
def test_no_forged_token_opens_anything(acme_id: IdentityProviderDouble, forge: Forge, why: str, caplog: Any) -> None:
    acme_id.sign = forge
    client, where = sign_in_by(acme_id)
    assert (where, is_in(client), User.objects.count(), said(client)) == ("/admin/login/", False, 0, PROVES_NOTHING)
    assert why in caplog.text


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(acme_id: IdentityProviderDouble) -> None:
    client, other = Client(), Client()
    back = acme_id.authorize(sent(client))
    assert other.get(back).headers["Location"] == "/admin/login/"
    assert (is_in(other), said(other)) == (False, NOT_FINISHED)
    cookie = client.cookies[pages.COOKIE].value
    client.get(back)
    assert is_in(client)
    other.cookies[pages.COOKIE] = cookie
    other.get(back)
    assert (is_in(other), said(other), acme_id.refused) == (False, NOT_FINISHED, [])


def test_another_state_code_or_verifier_opens_nothing(acme_id: IdentityProviderDouble) -> None:
    client = Client()
    back = acme_id.authorize(sent(client))
    state = parse_qs(urlsplit(back).query)["state"][0]
    client.get(back.replace(state, "another"))
    assert (is_in(client), said(client)) == (False, NOT_FINISHED)
    # A code that was given to somebody else's browser: its challenge is of another verifier.
    theirs = parse_qs(urlsplit(acme_id.authorize(sent(Client()))).query)["code"][0]
    state = parse_qs(urlsplit(sent(client)).query)["state"][0]
    client.get(BACK, {"code": theirs, "state": state})
    assert (is_in(client), said(client), acme_id.refused) == (False, NOT_FINISHED, ["invalid_grant"])


@pytest.mark.parametrize("stated", ["&iss=https://id.example.com", ""])
def test_another_providers_answer_is_not_taken(acme_id: IdentityProviderDouble, stated: str, caplog: Any) -> None:
    acme_id.description = {"authorization_response_iss_parameter_supported": True}
    client = Client()
    client.get(f"{acme_id.authorize(sent(client))}{stated}")
    assert (is_in(client), "another provider answers (iss)" in caplog.text) == (False, True)


def test_a_key_that_came_meanwhile_is_asked_for(acme_id: IdentityProviderDouble, monkeypatch: Any) -> None:
    sign_in_by(acme_id)
    acme_id.keys, acme_id.sign = ["second"], lambda claims: signed(claims, "second")
    assert not is_in(sign_in_by(acme_id)[0])
    monkeypatch.setattr("governance.sign_in.gateways.KEYS_AGAIN_AFTER_S", 0)
    assert is_in(sign_in_by(acme_id)[0])


def test_a_client_without_a_secret_is_known_by_its_proof(acme_id: IdentityProviderDouble, settings: Any) -> None:
    settings.IDENTITY_PROVIDER = acme_id.without_secret()
    assert is_in(sign_in_by(acme_id)[0])


@pytest.mark.parametrize(
    ("description", "why"),
    [
        ({"issuer": "https://id.example.com"}, "WEIR_OIDC_ISSUER must be exactly that"),
        ({"token_endpoint": "http://id.example.com/token"}, "its token_endpoint is no https address"),
    ],
)
def test_a_provider_that_describes_another_is_not_asked(
    acme_id: IdentityProviderDouble, description: dict[str, str], why: str, caplog: Any
) -> None:
    acme_id.description = description
    client = Client()
    assert (sent(client), said(client)) == ("/admin/login/", "Acme does not answer. Try again later.")
    assert why in caplog.text


def test_no_provider_is_no_page(client: Client, db: None) -> None:
    assert [client.get(page).status_code for page in (BEGIN, BACK)] == [404, 404]
    assert "Sign in with" not in client.get("/admin/login/").content.decode()


def test_nobody_is_led_elsewhere(acme_id: IdentityProviderDouble) -> None:
    assert sign_in_by(acme_id, address=f"{BEGIN}?next=https://evil.example.com/")[1] == "/admin/"


def test_the_page_leads_there_and_on(acme_id: IdentityProviderDouble) -> None:
    page = Client().get("/admin/login/?next=/admin/budgets/budget/").content.decode()
    assert f'href="{BEGIN}?next=%2Fadmin%2Fbudgets%2Fbudget%2F"' in page
    assert ("Sign in with Acme" in page, "or with a password" in page) == (True, True)


@pytest.mark.parametrize(
    ("passwords", "opens"), [("all", (True, True)), ("superusers", (False, True)), ("none", (False, False))]
)
def test_passwords_can_be_switched_off(
    acme_id: IdentityProviderDouble, acme: Scope, person: MadePerson, settings: Any, passwords: str, opens: Any
) -> None:
    person("bob@example.com", acme)
    User.objects.create_superuser("root@example.com", PASSWORD)
    settings.PASSWORDS = passwords
    found = []
    for email in ("bob@example.com", "root@example.com"):
        client = Client()
        client.post("/admin/login/", {"username": email, "password": PASSWORD})
        found.append(is_in(client))
    assert tuple(found) == opens
    assert ('name="password"' in Client().get("/admin/login/").content.decode()) is (passwords != "none")
    assert is_in(sign_in_by(acme_id)[0])


def test_a_second_factor_of_ours_is_asked_for_unless_the_provider_vouches(
    acme_id: IdentityProviderDouble, settings: Any
) -> None:
    settings.SECOND_FACTOR = ["finance"]
    client, _ = sign_in_by(acme_id)
    assert client.get("/admin/").headers["Location"] == "/account/second-factor/"
    acme_id.person = Person(more={"amr": ["pwd", "mfa"]})
    client, _ = sign_in_by(acme_id)
    assert is_in(client)
    assert recorded("sign_in.accept")[-1][1]["methods"] == ["provider with second factor"]


def test_who_came_by_the_provider_adds_a_second_factor_after_showing_anew_who_they_are(
    acme_id: IdentityProviderDouble,
) -> None:
    page = "/account/second-factor/totp/activate/"
    client, _ = sign_in_by(acme_id)
    asked = client.get(page).headers["Location"]
    assert asked == f"{BEGIN}again/?next={page.replace('/', '%2F')}"
    address = sent(client, asked)
    assert {"prompt": ["login"], "max_age": ["0"]}.items() <= parse_qs(urlsplit(address).query).items()
    assert client.get(acme_id.authorize(address)).headers["Location"] == page
    assert client.get(page).status_code == 200


def test_another_person_or_an_old_sign_in_shows_nothing_anew(acme_id: IdentityProviderDouble) -> None:
    page = "/account/second-factor/totp/activate/"
    client, _ = sign_in_by(acme_id)
    again = client.get(page).headers["Location"]
    for somebody in (Person(sub="7", email="eve@example.com"), Person(more={"auth_time": int(time.time()) - 3600})):
        acme_id.person = somebody
        client.get(acme_id.authorize(sent(client, again)))
        assert client.get(page).status_code == 302
    assert User.objects.count() == 1


def test_a_persons_page_tells_who_they_are_there(acme_id: IdentityProviderDouble) -> None:
    sign_in_by(acme_id)
    root = Client()
    root.force_login(User.objects.create_superuser("root@example.com", PASSWORD))
    page = root.get(f"/admin/governance/user/{User.objects.get(email='ada@example.com').pk}/change/").content.decode()
    assert ("248289761001" in page, acme_id.issuer in page) == (True, True)
