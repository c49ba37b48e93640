"""What is asked of Weir, and how an answer is understood: the same for the blocking and the asynchronous client."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import uuid4

import httpx

from weir_client.answers import Decision, LeaseState, Limit, ReservationState
from weir_client.errors import Away, Refused, WeirError

T = TypeVar("T")
API = "/api/v1"
TIMEOUT_S = 30.0
# Not now, whatever was asked: too many requests, or a Weir that starts, stops or lost its database.
LATER = frozenset({408, 425, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """One request, and what reads its answer. `key` makes it safe to ask again."""

    method: str
    path: str
    read: Callable[[Any], T]
    body: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    key: str = ""

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """As HTTP."""
        headers = {"Idempotency-Key": self.key} if self.key else {}
        if self.body is None:
            return client.build_request(self.method, API + self.path, params=dict(self.params), headers=headers)
        text = json.dumps(self.body, default=_plain)
        headers["Content-Type"] = "application/json"
        return client.build_request(
            self.method, API + self.path, params=dict(self.params), headers=headers, content=text
        )

    def answer(self, response: httpx.Response) -> T:
        """What it says. Away, Refused, WeirError."""
        check(response)
        return self.read(response.json())


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    message = f"{value!r} is nothing that JSON knows."
    raise TypeError(message)


def check(response: httpx.Response) -> None:
    """Away, Refused or WeirError for what is no success."""
    if response.is_success:
        return
    if response.status_code in LATER or response.is_server_error:
        wait = response.headers.get("Retry-After", "")
        retry_after_s = float(wait) if wait.isdigit() else 0.0
        raise Away(f"Weir answered {response.status_code}.", retry_after_s=retry_after_s)
    problem = problem_of(response)
    kind = Refused if problem.get("code") == "reservation_refused" else WeirError
    raise kind(response.status_code, problem)


def problem_of(response: httpx.Response) -> Mapping[str, Any]:
    """The problem that an answer tells of; empty where it is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def limits(scope: str | None, unit: str | None) -> Question[list[Limit]]:
    """What limits the key's scope, or another."""
    asked = {"scope": scope, "unit": unit}
    params = {name: value for name, value in asked.items() if value is not None}

    def read(page: Any) -> list[Limit]:
        return [Limit.read(row) for of_scope in page["results"] for row in of_scope["limits"]]

    return Question("GET", "/my/limits", read, params=params)


def decision(call: Mapping[str, Any]) -> Question[Decision]:
    """May this run?"""
    return Question("POST", "/decisions", Decision.read, body=dict(call))


def hold(terms: Mapping[str, Any]) -> Question[ReservationState]:
    """Held once, however often it is asked for: its id is chosen here."""
    return Question("POST", "/reservations", ReservationState.read, body={"id": str(uuid4()), **terms})


def of_reservation(pk: str, verb: str, **said: Any) -> Question[ReservationState]:
    """`settle`, `extend` or `release`."""
    body = {name: value for name, value in said.items() if value is not None}
    return Question("POST", f"/reservations/{pk}/{verb}", ReservationState.read, body=body, key=str(uuid4()))


def lease(terms: Mapping[str, Any]) -> Question[LeaseState]:
    """Leased once, however often it is asked for."""
    return Question("POST", "/leases", LeaseState.read, body={"id": str(uuid4()), **terms})


def renewal(pk: str, drawn: Decimal, capacity: Decimal | None, expires_in: int) -> Question[LeaseState]:
    """Tells what was drawn in all, and asks for so much to draw."""
    body = {"drawn": drawn, "expires_in": expires_in} | ({"capacity": capacity} if capacity is not None else {})
    return Question("POST", f"/leases/{pk}/renew", LeaseState.read, body=body, key=str(uuid4()))


def give_back(pk: str, drawn: Decimal) -> Question[LeaseState]:
    """Gives back what was not drawn."""
    return Question("POST", f"/leases/{pk}/return", LeaseState.read, body={"drawn": drawn}, key=str(uuid4()))


def usage(lines: Sequence[bytes]) -> bytes:
    """A batch of records, each as JSON, as one body."""
    return b"[" + b",".join(lines) + b"]"
