"""Behind TLS the settings are those that Django's own check asks for."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from governance.sign_in.admin import browsers, provider

ROOT = Path(__file__).resolve().parents[2]
SECRET_KEY = "of-these-tests-and-no-other-0123456789-abcdefghijklmnopqrstuvwxyz"


def test_djangos_check_for_deployment_finds_nothing() -> None:
    behind_tls = {
        "WEIR_PUBLIC_URL": "https://weir.example", "WEIR_BEHIND_PROXY": "true", "WEIR_ALLOWED_HOSTS": "weir.example",
        "WEIR_SECRET_KEY": SECRET_KEY, "WEIR_DEBUG": "",
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=os.environ | behind_tls, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "System check identified no issues (1 silenced).\n"


@pytest.mark.parametrize(
    ("path", "headers", "wanted"),
    [
        ("/admin/login/", {}, (301, "https://weir.example/admin/login/")),
        ("/admin/login/", {"X-Forwarded-Proto": "https"}, (200, "")),
        ("/healthz", {}, (200, "")),
        ("/api/v1/scopes", {}, (401, "")),
    ],
)
@pytest.mark.django_db
def test_pages_are_reached_by_tls_only_and_programs_are_not_sent_elsewhere(
    settings: Any, path: str, headers: dict[str, str], wanted: tuple[int, str]
) -> None:
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["weir.example"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    answer = Client(SERVER_NAME="weir.example", headers=headers).get(path)
    assert (answer.status_code, answer.headers.get("Location", "")) == wanted


def test_behind_tls_browsers_take_cookies_from_this_host_only() -> None:
    names = "from django.conf import settings; print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)"
    told = {"DJANGO_SETTINGS_MODULE": "config.settings", "WEIR_PUBLIC_URL": "https://weir.example"}
    ran = subprocess.run(
        [sys.executable, "-c", names], cwd=ROOT, env=os.environ | told, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "__Host-sessionid __Host-csrftoken\n"


def test_so_they_do_those_of_sign_in(settings: Any) -> None:
    assert (browsers.cookie_name(), provider.cookie_name()) == ("weir_browser", "weir_provider")
    settings.SESSION_COOKIE_SECURE = True
    assert (browsers.cookie_name(), provider.cookie_name()) == ("__Host-weir_browser", "__Secure-weir_provider")


@pytest.mark.django_db
def test_what_is_no_page_is_not_kept_by_a_browser(client: Client) -> None:
    assert client.get("/api/v1/scopes").headers["Cache-Control"] == "no-store"
    assert client.get("/readyz").headers["Cache-Control"] == "no-store"
