"""What the provider is asked, and what of its answers is not taken."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer
from werkzeug import Response

from governance.sign_in import gateways
from governance.sign_in.gateways import ProviderFailed, description_of
from tests.governance.sign_in.conftest import is_in, said, sent, sign_in_by
from tests.governance.sign_in.identity_provider import IdentityProviderDouble, signed


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


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response("no", status=500), "it answered 500"),
        (Response("[]"), "it answered no JSON object"),
        (Response("a" * (512 * 1024 + 1)), "it answered more than 524288 bytes"),
        (Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "it answered 302"),
    ],
)
def test_what_is_no_description_is_not_read(httpserver: HTTPServer, answer: Response, why: str) -> None:
    gateways.remembered.clear()
    httpserver.expect_request("/.well-known/openid-configuration").respond_with_response(answer)
    with pytest.raises(ProviderFailed, match=why):
        description_of(httpserver.url_for("").rstrip("/"))


def test_one_that_drips_is_given_up(httpserver: HTTPServer, monkeypatch: Any) -> None:
    gateways.remembered.clear()
    monkeypatch.setattr(gateways, "ANSWER_WITHIN_S", 0)
    httpserver.expect_request("/.well-known/openid-configuration").respond_with_data(iter(["{", "}"]))
    with pytest.raises(ProviderFailed, match="its answer took longer than 0 s"):
        description_of(httpserver.url_for("").rstrip("/"))


@pytest.fixture
def dripping() -> Iterator[str]:
    """The address of a server whose answers have a head that comes letter by letter, until somebody gives up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip_to_all, args=[listener], daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def drip_to_all(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _address = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                # Longer than any deadline here, and no time-out of a single reading sees it.
                for _letter in range(200):
                    connection.sendall(b"a")
                    time.sleep(0.02)


@pytest.mark.parametrize("slow", ["token_endpoint", "jwks_uri"])
def test_one_whose_head_drips_holds_no_sign_in(
    acme_id: IdentityProviderDouble, dripping: str, slow: str, monkeypatch: Any, caplog: Any
) -> None:
    acme_id.description = {slow: f"{dripping}/slow"}
    client = Client()
    address = acme_id.authorize(sent(client))
    monkeypatch.setattr(gateways, "ANSWER_WITHIN_S", 0.3)
    assert (sent(client, address), said(client)) == ("/admin/login/", "Acme does not answer. Try again later.")
    assert "its answers took longer than 0.3 s" in caplog.text


def test_nobody_there_is_said() -> None:
    gateways.remembered.clear()
    with pytest.raises(ProviderFailed, match="it could not be asked: ConnectionError"):
        description_of("http://127.0.0.1:9")
