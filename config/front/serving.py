"""The front's state, what it answers itself, and its clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate

from config.front.callers import Callers, Limits
from config.front.exchanges import path_of
from config.front.heads import STATE, Header, first_line, value_of
from config.front.limits import (
    CONNECTIONS_MAX,
    DECISION_S,
    EVERY_S,
    LOOK_S,
    MAKE_ROOM,
    READ_S,
    SLOW_READERS_MAX,
    STOP_S,
    WINDOW_S,
)
from config.front.parts import ClientPart, ExchangePart, PostPart
from config.front.posts import Posts
from config.front.rates import Shares
from config.front.web import Web
from policies.decisions.documents import Question
from policies.decisions.engine.answers import PATH, Answer, answer_to, bearer_of, question_in, refusal
from policies.decisions.engine.checks import CHECK_PATH, answer_to_check, check_in
from policies.decisions.engine.deciding import Trust, decide
from policies.decisions.engine.decisions import Decision
from policies.decisions.engine.snapshot import Snapshot
from policies.decisions.errors import SnapshotMissing

logger = logging.getLogger(__name__)

DECISIONS = PATH.encode()
CHECK = CHECK_PATH.encode()
BELOW_CHECK = CHECK + b"/"


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions by the snapshot."""

    snapshot: Snapshot
    trust: Trust

    def age_s(self) -> float | None:
        """How long ago the snapshot was known to be whole; None before it ever was."""
        read_at = self.snapshot.read_at
        return None if read_at is None else time.monotonic() - read_at

    def decide(self, headers: list[Header], body: bytes) -> Decision:
        """Raises the refusals of `policies.decisions.engine.deciding.decide` and of a body that asks nothing."""
        plaintext = bearer_of(value_of(headers, b"authorization").decode("latin-1"))
        question = question_in(body, value_of(headers, b"content-encoding").decode("latin-1"))
        return self._decide(question, plaintext, datetime.now(UTC))

    def check(self, path: str, target: bytes, headers: list[Header], body: bytes) -> Answer:
        """The same decision in the form that proxies ask for."""
        at = datetime.now(UTC)
        query = target.partition(b"?")[2].decode("latin-1")
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(headers)}
        return answer_to_check(
            lambda: check_in(path, query, named, body),
            lambda asked: self._decide(asked.question, asked.plaintext, at),
            path=path,
            at=at,
        )

    def _decide(self, question: Question, plaintext: str, at: datetime) -> Decision:
        age_s = self.age_s()
        if age_s is None:
            raise SnapshotMissing
        return decide(self.snapshot, question, plaintext=plaintext, at=at, age_s=age_s, trust=self.trust)


class Front:
    """All connections of this process."""

    def __init__(
        self, decisions: Decisions, web: Web, *, is_behind_proxy: bool, now: Callable[[], float], limits: Limits
    ) -> None:
        self.decisions, self.web, self.is_behind_proxy, self.now = decisions, web, is_behind_proxy, now
        self.callers = Callers(
            decisions.snapshot, limits, stale_after_s=decisions.trust.stale_after_s, is_behind_proxy=is_behind_proxy
        )
        self._shares = Shares(window_s=WINDOW_S, cost_s=DECISION_S)
        self._slow: set[ClientPart] = set()
        self.posts = Posts(self.give_connection, self.when_read)
        self.is_stopping = False
        self.clients: set[ClientPart] = set()
        self._date = _date()

    def join(self, client: ClientPart) -> bool:
        """Whether there is room for one more connection, also by closing some that are silent."""
        if len(self.clients) >= CONNECTIONS_MAX:
            self._make_room()
        if len(self.clients) >= CONNECTIONS_MAX:
            return False
        self.clients.add(client)
        return True

    def _make_room(self) -> None:
        """Close connections that nothing is answered on, first those of the address with most of them."""
        now = self.now()
        closable = [(loss, client) for client in self.clients if (loss := client.may_make_room(now)) is not None]
        most = Counter(client.peer for _, client in closable)
        closable.sort(key=lambda one: (-most[one[1].peer], one[0]))
        for _, client in closable[:MAKE_ROOM]:
            client.break_off()
            self.clients.discard(client)

    def leave(self, client: ClientPart) -> None:
        """The connection is closed."""
        self.clients.discard(client)
        self._slow.discard(client)

    def is_slow(self, client: ClientPart) -> None:
        """A web process waits for the client to read. When there are too many of them, the slowest is ended."""
        self._slow.add(client)
        if len(self._slow) > SLOW_READERS_MAX:
            now = self.now()
            slowest = min(self._slow, key=lambda one: one.bytes_per_s(now))
            self._slow.discard(slowest)
            slowest.break_off()

    def is_quick(self, client: ClientPart) -> None:
        """It does not wait any more."""
        self._slow.discard(client)

    def share_of(self, party: Hashable) -> float:
        """0 when the party may have one more answer from memory; otherwise in how many seconds."""
        return self._shares.take(party, self.now())

    def give_connection(self, exchange: ExchangePart) -> None:
        """One to a web process, now or shortly."""
        self.web.give_connection(exchange)

    def hand_on(self, post: PostPart) -> None:
        """To a web process, with the posts that come at the same time."""
        self.posts.add(post)

    def when_read(self, transaction: bytes, then: Callable[[], None]) -> None:
        """Call it when decisions know what that transaction wrote, READ_S from now at the latest; now for none."""
        number = int(transaction) if transaction.isdigit() else None
        self._when_read(number, then, self.now() + READ_S)

    def _when_read(self, number: int | None, then: Callable[[], None], until: float) -> None:
        if number is None or number in self.decisions.snapshot.heard_after or self.now() >= until:
            then()
        else:
            asyncio.get_running_loop().call_later(LOOK_S, self._when_read, number, then, until)

    def is_answered_here(self, target: bytes) -> bool:
        """Whether no web process is asked."""
        path = target.partition(b"?")[0]
        return path in {DECISIONS, CHECK} or path.startswith(BELOW_CHECK)

    def answer(self, method: bytes, target: bytes, headers: list[Header], body: bytes) -> Answer:
        """The answer to a question. A fault of ours is logged and answered in a sentence."""
        path = path_of(target)
        try:
            if path != PATH:
                return self.decisions.check(path, target, headers, body)
            return answer_to(method.decode("latin-1"), lambda: self.decisions.decide(headers, body), path=path)
        except Exception:
            # What follows the path of a check is what a caller sent.
            logger.exception("request to %s failed", PATH if path == PATH else CHECK.decode())
            return refusal(status=500, code="internal_error", detail="Something went wrong on our side.", path=path)

    def bytes_of(self, answer: Answer, *, keeps_alive: bool, is_head: bool = False) -> bytes:
        """The answer as it is sent."""
        named = "".join([f"{name}: {value}\r\n" for name, value in answer.headers]).encode("latin-1")
        last = b"" if keeps_alive else b"Connection: close\r\n"
        length = b"Content-Length: %d\r\n" % len(answer.body)
        body = b"" if is_head else answer.body
        return b"".join([first_line(answer.status), self._date, named, length, last, b"\r\n", body])

    def state(self) -> Header:
        """For `/readyz`: how old the snapshot is, in seconds, and from when it is stale; no age before the first."""
        age_s = self.decisions.age_s()
        age = "" if age_s is None else f"{age_s:.1f}"
        return STATE, f"{age}/{self.decisions.trust.stale_after_s:g}".encode()

    async def keep_time(self) -> None:
        """Until the front stops: end what takes too long."""
        while True:
            await asyncio.sleep(EVERY_S)
            now = self.now()
            self._date = _date()
            self.web.sweep(now)
            self.callers.sweep(now)
            for client in tuple(self.clients):
                client.sweep(now)

    async def stop(self) -> None:
        """Let what is being answered end, for STOP_S at most."""
        self.is_stopping = True
        until = self.now() + STOP_S
        while self.clients and self.now() < until:
            for client in tuple(self.clients):
                client.stop()
            await asyncio.sleep(0.05)


def _date() -> bytes:
    return f"Date: {formatdate(usegmt=True)}\r\n".encode()
