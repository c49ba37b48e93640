"""What a web process holds by itself, without a front before it: keys come before bodies, and bodies are bounded.

How long a body may take, how many connections there are and how often one asks is for the front, or for a proxy.
"""

import io
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

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


def answered(path: str, length: int, authorization: str = "") -> tuple[int, bytes]:
    headers = {"HTTP_AUTHORIZATION": authorization} if authorization else {}
    request = RequestFactory().post(path, content_type="application/json", CONTENT_LENGTH=str(length), **headers)
    environ = request.environ | {"wsgi.input": NeverSent(), "HTTP_HOST": "localhost"}
    status: list[str] = []
    handler = WSGIHandler()
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
