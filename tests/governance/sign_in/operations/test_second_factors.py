"""A second factor stands between the password and everything else, by the pages as people use them."""

import json
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.management import call_command
from django.test import Client

from governance.people.models import User
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import Person
from tests.governance.pages.admin.test_policy import is_allowed
from tests.governance.sign_in.security_key import SecurityKey

PASSWORD = "a long password"
FACTORS = "/account/second-factor/"
ASKED = f"{FACTORS}authenticate/"
OTHER_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def browser() -> Client:
    return Client(REMOTE_ADDR="", SERVER_NAME="localhost", headers={"X-Forwarded-For": "1.2.3.4"})


def with_password(email: str = "ada@example.com", client: Client | None = None) -> tuple[Client, str]:
    """The browser, and where it is sent then."""
    client = client or browser()
    answer = client.post("/admin/login/?next=/admin/governance/scope/", {"username": email, "password": PASSWORD})
    assert answer.status_code == 302
    return client, answer.headers["Location"]


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def code_of(secret: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def to_add(page: str, email: str) -> Client:
    """A browser signed in, that has been asked for the password once more by the page."""
    client, _ = with_password(email)
    asked = client.get(page).headers["Location"]
    assert asked == f"/account/reauthenticate/?next={page.replace('/', '%2F')}"
    assert client.post(asked, {"password": PASSWORD}).headers["Location"] == page
    return client


def with_app(email: str = "ada@example.com") -> str:
    """Adds an authenticator app by its page; its secret."""
    client = to_add(f"{FACTORS}totp/activate/", email)
    secret = str(client.get(f"{FACTORS}totp/activate/").context["form"].secret)
    assert client.post(f"{FACTORS}totp/activate/", {"code": code_of(secret)}).status_code == 302
    return secret


def recorded() -> list[tuple[str, str, Any]]:
    rows = DecisionRecord.objects.filter(action__regex="^(second_factor|sign_in)[.]").order_by("seq")
    return list(rows.values_list("action", "reason", "evidence"))


@pytest.fixture
def ada(acme: Scope, person: Person) -> User:
    return person("ada@example.com", acme)


def test_without_a_second_factor_the_password_is_all(ada: User) -> None:
    client, sent = with_password()
    assert (sent, is_in(client)) == ("/admin/governance/scope/", True)
    assert recorded() == [("sign_in.accept", "", {"address": "1.2.3.4", "methods": ["password"]})]


def test_an_app_is_asked_for_before_anything_else_opens(ada: User, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        secret = with_app()
    client, sent = with_password()
    assert (sent, is_in(client)) == (ASKED, False)
    assert client.get("/api/v1/scopes").status_code == 401
    assert client.get(f"{FACTORS}totp/deactivate/").status_code == 302
    assert client.post(ASKED, {"code": "000000"}).status_code == 200
    assert not is_in(client)
    answer = client.post(ASKED, {"code": code_of(secret)})
    assert (answer.status_code, answer.headers["Location"], is_in(client)) == (302, "/admin/governance/scope/", True)
    assert recorded()[1:] == [
        ("second_factor.change", "an authenticator app was added", {}),
        ("sign_in.accept", "", {"address": "1.2.3.4", "methods": ["password", "totp"]}),
    ]


def test_a_code_opens_once(ada: User) -> None:
    secret = with_app()
    code = code_of(secret, steps=1)
    first, _ = with_password()
    assert first.post(ASKED, {"code": code}).status_code == 302
    second, _ = with_password()
    assert second.post(ASKED, {"code": code}).status_code == 200
    assert (is_in(first), is_in(second)) == (True, False)


def test_codes_are_not_guessed(ada: User) -> None:
    secret = with_app()
    client, _ = with_password()
    for number in range(6):
        client.post(ASKED, {"code": f"{number:06}"})
    assert client.post(ASKED, {"code": code_of(secret)}).status_code == 200
    assert not is_in(client)


def test_its_secret_is_sealed_and_sealed_anew_with_the_other_keys(ada: User, settings: Any) -> None:
    secret = with_app()
    stored = Authenticator.objects.get(type="totp")
    assert secret not in json.dumps(stored.data)
    settings.WEIR_SECRET_KEYS = [OTHER_KEY, *settings.WEIR_SECRET_KEYS]
    call_command("secrets", "rotate")
    settings.WEIR_SECRET_KEYS = [OTHER_KEY]
    assert Authenticator.objects.get(type="totp").data != stored.data
    client, _ = with_password()
    assert client.post(ASKED, {"code": code_of(secret)}).status_code == 302


def test_a_recovery_code_opens_when_the_phone_is_lost(ada: User) -> None:
    with_app()
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    client, _ = with_password()
    assert client.post(ASKED, {"code": codes[0]}).status_code == 302
    assert is_in(client)
    again, _ = with_password()
    assert again.post(ASKED, {"code": codes[0]}).status_code == 200


def test_a_security_key_opens_and_another_does_not(ada: User) -> None:
    key, other = (SecurityKey("http://localhost", "localhost") for _ in range(2))
    client = to_add(f"{FACTORS}webauthn/add/", "ada@example.com")
    page = client.get(f"{FACTORS}webauthn/add/")
    added = {"name": "blue", "credential": key.made(page.context["js_data"]["creation_options"])}
    assert client.post(f"{FACTORS}webauthn/add/", added).status_code == 302
    pk = Authenticator.objects.get(type="webauthn").pk
    for page in (
        "",
        "webauthn/",
        f"webauthn/keys/{pk}/edit/",
        f"webauthn/keys/{pk}/remove/",
        "recovery-codes/generate/",
    ):
        answer = client.get(f"{FACTORS}{page}")
        assert answer.status_code == 200, page
        assert is_allowed(answer.content.decode(), answer.headers["Content-Security-Policy"]), page
    client, sent = with_password()
    assert sent == ASKED
    for shown, is_right in ((other, False), (key, True)):
        options = client.get(ASKED).context["js_data"]["request_options"]
        client.post(ASKED, {"credential": shown.shown(options)})
        assert is_in(client) == is_right
    assert recorded()[1:] == [
        ("second_factor.change", "a security key was added", {}),
        ("sign_in.accept", "", {"address": "1.2.3.4", "methods": ["password", "webauthn"]}),
    ]


def test_who_must_have_one_reaches_nothing_else_before(acme: Scope, ada: User, person: Person, settings: Any) -> None:
    person("fay@example.com", acme, "finance")
    User.objects.create_superuser("root@example.com", PASSWORD)
    settings.SECOND_FACTOR = ["finance", "superuser"]
    assert is_in(with_password()[0])
    for email in ("fay@example.com", "root@example.com"):
        client, _ = with_password(email)
        assert client.get("/admin/").headers["Location"] == FACTORS
        assert client.get("/api/v1/scopes").status_code == 401
        assert "add one to go on" in client.get(FACTORS).content.decode()
        with_app(email)
        assert is_in(client)
        assert client.get("/api/v1/scopes").status_code == 200


def test_who_manages_people_takes_lost_factors_away(acme: Scope, ada: User) -> None:
    with_app()
    User.objects.create_superuser("root@example.com", PASSWORD)
    root, _ = with_password("root@example.com")
    root.post("/admin/governance/user/", {"action": "take_factors_away", "_selected_action": [ada.pk]})
    assert not Authenticator.objects.filter(user=ada).exists()
    assert recorded()[-1] == ("second_factor.take_away", "", {"factors": ["recovery_codes", "totp"]})
    assert is_in(with_password()[0])


def test_so_does_who_runs_the_machine(ada: User) -> None:
    with_app()
    call_command("users", "forget-factors", "ada@example.com")
    assert is_in(with_password()[0])


@pytest.mark.django_db
def test_nobody_makes_an_account_of_their_own(client: Client) -> None:
    for path in ("/account/signup/", "/account/password/reset/", "/account/login/", "/accounts/login/"):
        assert client.get(path).status_code == 404
    assert client.get("/account/sign-in/").headers["Location"] == "/admin/login/"
