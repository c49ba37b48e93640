"""People come in by the identity provider, as their browsers do it, against one that speaks the protocol."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from governance.people.models import User
from governance.scopes.models import Scope
from governance.sign_in.admin import provider as pages
from tests.governance.conftest import Person as MadePerson
from tests.governance.sign_in.conftest import BEGIN, is_in, recorded, said, sent, sign_in_by
from tests.governance.sign_in.identity_provider import IdentityProviderDouble, Person, signed, signing_key

BACK = "/account/sign-in/provider/callback/"
PASSWORD = "a long password"
NOT_FINISHED = "Your sign-in could not be finished. Begin it again."
PROVES_NOTHING = "What Acme said of you proves nothing here."


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


def test_no_provider_is_no_page(client: Client, db: None, settings: Any) -> None:
    settings.IDENTITY_PROVIDER = None
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


def test_who_has_a_factor_here_is_asked_for_it_unless_the_provider_vouches(acme_id: IdentityProviderDouble) -> None:
    sign_in_by(acme_id)
    Authenticator.objects.create(user=User.objects.get(), type="totp", data={"secret": "sealed"})
    client, where = sign_in_by(acme_id)
    assert (where, is_in(client)) == ("/account/second-factor/authenticate/", False)
    acme_id.person = Person(more={"amr": ["pwd", "mfa"]})
    client, where = sign_in_by(acme_id)
    assert (where, is_in(client)) == ("/admin/", True)


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
