"""What a web process holds by itself, without a front before it: keys come before bodies, and bodies are bounded.

How long a body may take, how many connections there are and how often one asks is for the front, or for a proxy:
without either it answers nobody beyond its machine.
"""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from config import alone
from config.folders import DataFolder

pytestmark = [pytest.mark.adversary("greedy callers"), pytest.mark.django_db]
# A question for a decision has few bytes, which are read before its key wherever it is asked.
PATHS = [
    "/api/v1/usage", "/api/v1/usage/litellm", "/api/v1/otlp/v1/traces", "/api/v1/outcomes", "/api/v1/budgets",
]  # fmt: skip
UNKNOWN = "Bearer weir_0123456789abcdef_" + "x" * 43


class NeverSent(io.RawIOBase):
    """A body whose sender says nothing more: a thread that reads it would wait for ever."""

    def readable(self) -> bool:
        return True

    def readinto(self, _into: Any) -> int:
        raise AssertionError("the body was read")


def answered(path: str, length: int, authorization: str = "", peer: str = "127.0.0.1") -> tuple[int, bytes]:
    headers = {"HTTP_AUTHORIZATION": authorization} if authorization else {}
    request = RequestFactory().post(path, content_type="application/json", CONTENT_LENGTH=str(length), **headers)
    environ = request.environ | {"wsgi.input": NeverSent(), "HTTP_HOST": "localhost", "REMOTE_ADDR": peer}
    status: list[str] = []
    handler = alone.only_from_here(WSGIHandler())
    answer = handler(environ, lambda line, _headers: status.append(line))
    return int(status[0].split()[0]), b"".join(answer)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("length", [100, 1_000_000])
@pytest.mark.parametrize("authorization", ["", "Bearer nothing", "Basic bm9ib2R5"])
def test_without_a_key_nothing_of_the_body_is_read(path: str, length: int, authorization: str) -> None:
    assert answered(path, length, authorization)[0] == 401


@pytest.mark.parametrize("path", PATHS)
def test_with_an_unknown_key_nothing_of_a_large_body_is_read(path: str) -> None:
    status, body = answered(path, 500_000, UNKNOWN)
    assert (status, b"key_invalid" in body) == (401, True)


ELSEWHERE = ["203.0.113.9", "10.0.0.3", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1", "0.0.0.0"]


@pytest.mark.parametrize("peer", ELSEWHERE)
@pytest.mark.parametrize("path", ["/api/v1/usage", "/admin/login/", "/readyz"])
def test_another_machine_is_refused_before_anything_is_read(peer: str, path: str, settings: Any) -> None:
    status, body = answered(path, 100, UNKNOWN, peer)
    assert (status, b'"code":"front_missing"' in body) == (403, True)
    settings.USE_X_FORWARDED_HOST = True  # a proxy stands before it, which holds bodies
    assert answered("/api/v1/usage", 100, "", peer)[0] == 401


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "", "uds"])
def test_its_own_machine_is_answered(peer: str) -> None:
    assert answered("/api/v1/usage", 100, "", peer)[0] == 401


@pytest.mark.parametrize("host", [*ELSEWHERE, "::", "weir.example"])
def test_weir_up_without_a_front_listens_at_its_own_machine_only(
    host: str, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert alone.why_not(host) == ""
    monkeypatch.setattr(alone, "IS_INSTALLED", False)
    settings.DATA_FOLDER = DataFolder(tmp_path)
    with pytest.raises(CommandError, match=r"there is no front, and nothing would bound .*--host 127\.0\.0\.1"):
        call_command("up", host=host)
    assert [alone.why_not(own) for own in ("127.0.0.1", "localhost", "::1")] == ["", "", ""]
    settings.USE_X_FORWARDED_HOST = True
    assert alone.why_not(host) == ""
