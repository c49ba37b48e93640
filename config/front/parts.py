"""What the parts of the front know of each other."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from allocation.usage.engine.posts import HandedAnswer, HandedPost
from config.front.callers import Callers
from config.front.heads import Header
from policies.decisions.engine.answers import Answer


class FrontPart(Protocol):
    """The front as its connections know it."""

    is_behind_proxy: bool
    is_stopping: bool
    callers: Callers

    def now(self) -> float:
        """The loop's clock, in seconds."""

    def join(self, client: ClientPart) -> bool:
        """Whether there is room for one more connection."""

    def leave(self, client: ClientPart) -> None:
        """The connection is closed."""

    def is_answered_here(self, target: bytes) -> bool:
        """Whether no web process is asked."""

    def answer(self, method: bytes, target: bytes, headers: list[Header], body: bytes) -> Answer:
        """To what is answered here."""

    def bytes_of(self, answer: Answer, *, keeps_alive: bool, is_head: bool = False) -> bytes:
        """The answer as it is sent."""

    def state(self) -> Header:
        """What `/readyz` is told."""

    def give_connection(self, exchange: ExchangePart) -> None:
        """One to a web process, now or shortly."""

    def share_of(self, party: Hashable) -> float:
        """0 when the party may have one more answer from memory; otherwise in how many seconds."""

    def is_slow(self, client: ClientPart) -> None:
        """A web process waits for the client to read."""

    def is_quick(self, client: ClientPart) -> None:
        """It does not wait any more."""

    def hand_on(self, post: PostPart) -> None:
        """To a web process, with the posts that come at the same time."""


class ClientPart(Protocol):
    """A client's connection as its exchanges know it."""

    front: FrontPart
    peer: bytes

    def may_make_room(self, now: float) -> tuple[int, float] | None:
        """How much is lost when it is closed to make room, the least first; None while something is being answered."""

    def bytes_per_s(self, now: float) -> float:
        """How fast it has read since it first was slow."""

    def write(self, data: bytes) -> None:
        """To the client."""

    def pause(self, why: str) -> None:
        """Read no more until every reason for it has gone."""

    def resume(self, why: str) -> None:
        """One reason has gone."""

    def finished(self, request: RequestPart) -> None:
        """The request is answered whole."""

    def put_in_place(self, request: RequestPart) -> None:
        """Answer another request in the place of the current one."""

    def break_off(self) -> None:
        """An answer that had begun cannot be ended: the client must see that it is not whole."""

    def sweep(self, now: float) -> None:
        """End what takes too long."""

    def stop(self) -> None:
        """Close now when nothing is being answered, otherwise after it."""


class RequestPart(Protocol):
    """A request as its client's connection knows it."""

    @property
    def is_complete(self) -> bool:
        """Whether the whole body has come."""

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection is used on."""

    def begin(self) -> None:
        """It is this request's turn; what came before is answered."""

    def feed(self, data: bytes) -> None:
        """A piece of its body."""

    def complete(self) -> None:
        """Its body has ended."""

    def abandon(self) -> None:
        """The client has gone."""


class PostPart(Protocol):
    """A small post as the group knows it with which it is handed on."""

    since: float

    @property
    def party(self) -> Hashable:
        """Whose share it is."""

    def handed(self) -> HandedPost:
        """As a web process is told of it."""

    def asked_for(self) -> list[Header]:
        """What a request of several posts says of where it was sent."""

    def answer(self, answer: HandedAnswer, shared: bytes) -> None:
        """Its own answer, with the headers that it shares with others."""

    def ask_alone(self) -> None:
        """It was not answered with the others."""

    def refuse(self, answer: Answer) -> None:
        """Answer here instead of the web process."""


class ExchangePart(Protocol):
    """What a web process is asked, as its connection to that process knows it."""

    is_complete: bool
    has_answered: bool

    @property
    def party(self) -> Hashable:
        """Whose share it is; None where it is bounded otherwise."""

    def refuse_for_now(self) -> None:
        """Too many of the party wait."""

    def connected(self, web: WebPart) -> None:
        """Send what has come so far."""

    def hold(self) -> None:
        """Send no more for now."""

    def go_on(self) -> None:
        """Send again."""

    def lost(self, *, was_used_before: bool) -> None:
        """The web process has closed the connection, or there is none."""

    def interim(self, status: int) -> None:
        """100 Continue and its like."""

    def answer_head(self, status: int, headers: list[Header]) -> bool:
        """Write the answer's head; whether no body follows."""

    def answer_body(self, data: bytes) -> None:
        """A piece of the answer's body."""

    def answered(self) -> None:
        """The answer has ended."""


class WebPart(Protocol):
    """A connection to a web process as its exchange knows it."""

    def write(self, data: bytes) -> None:
        """To the web process."""

    def close(self) -> None:
        """Whoever it belonged to has gone."""

    def pause_reading(self) -> None:
        """The client reads more slowly than the web process writes."""

    def resume_reading(self) -> None:
        """It reads again."""
