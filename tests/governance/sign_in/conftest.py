"""People who come in by an identity provider, as their browsers do it."""

from typing import Any

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer

from governance.people.models import Ownership, User
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.sign_in import gateways
from tests.governance.sign_in.identity_provider import IdentityProviderDouble

BEGIN = "/account/sign-in/provider/"


@pytest.fixture
def acme_id(httpserver: HTTPServer, settings: Any, acme: Scope) -> IdentityProviderDouble:
    gateways.remembered.clear()
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
