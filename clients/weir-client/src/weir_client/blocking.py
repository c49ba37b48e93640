"""The blocking client."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from weir_client import reporting, wire
from weir_client.answers import Decision, LeaseState, Limit, ReservationState
from weir_client.errors import Away, WeirError
from weir_client.renewing import LOOKED_AT_EACH_S, LeaseHeld
from weir_client.spool import BATCH_MAX, Spool

T = TypeVar("T")
Amount = Decimal | int | str
logger = logging.getLogger("weir_client")


class Weir:
    """One Weir and one key. Any number of threads may use it."""

    def __init__(self, url: str, key: str, *, timeout_s: float = wire.TIMEOUT_S) -> None:
        headers = {"Authorization": f"Bearer {key}", "User-Agent": "weir-client"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=timeout_s)

    def close(self) -> None:
        """Closes its connections."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, question: wire.Question[T]) -> T:
        """What Weir answers. Away, Refused, WeirError."""
        return question.answer(self.send(question.request(self.http)))

    def send(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request; Away where there is none."""
        try:
            return self.http.send(request)
        except httpx.HTTPError as problem:
            raise Away(str(problem) or type(problem).__name__) from problem

    def limits(self, scope: str | None = None, *, unit: str | None = None) -> list[Limit]:
        """What limits the key's scope, or another that it sees."""
        return self.ask(wire.limits(scope, unit))

    def decide(self, model: str, **call: Any) -> Decision:
        """May this run? `scope`, `provider` and what else a decision knows go by name."""
        return self.ask(wire.decision({"model": model, **call}))

    def reservation(self, scope: str, amount: Amount | None = None, **terms: Any) -> "Held":
        """Holds an amount for calls to come. Refused with what would fit."""
        stated = {"amount": Decimal(amount)} if amount is not None else {}
        question = wire.hold({"scope": scope, **stated, **terms})
        return Held(self, self.ask(question))

    def lease(self, scope: str, amount: Amount, *, expires_in: int = 600, **terms: Any) -> "Lease":
        """Holds a large amount, to be drawn down here."""
        asked_at = time.monotonic()
        state = self.ask(wire.lease({"scope": scope, "amount": Decimal(amount), "expires_in": expires_in, **terms}))
        return Lease(self, state, asked_at=asked_at, expires_in=expires_in, capacity=Decimal(amount))

    def usage(self, spool: Spool | Path | str, *, source: str, **how: Any) -> "Usage":
        """Reports usage by way of a spool."""
        return Usage(self, spool if isinstance(spool, Spool) else Spool(spool), source=source, **how)


class Held:
    """A reservation, for a `with`: settled in it with what it cost, or by usage that names its `id`; released where the
    block raises; else given back when its time is over.
    """

    def __init__(self, weir: Weir, state: ReservationState) -> None:
        self._weir, self.state = weir, state

    @property
    def id(self) -> str:
        """By which usage names it: the attribute `reservation`."""
        return self.state.id

    def settle(self, amount: Amount | None = None) -> ReservationState:
        """It has cost so much in all; None: what usage has told of."""
        return self._say("settle", amount=Decimal(amount) if amount is not None else None)

    def extend(self, *, amount: Amount | None = None, expires_in: int | None = None) -> ReservationState:
        """More of it, or for longer."""
        return self._say("extend", amount=Decimal(amount) if amount is not None else None, expires_in=expires_in)

    def release(self) -> ReservationState:
        """Gives back what was not used."""
        return self._say("release")

    def part(self, amount: Amount, **terms: Any) -> "Held":
        """A part of it, for somebody who works below."""
        return self._weir.reservation(self.state.scope, amount, parent=self.id, unit=self.state.unit, **terms)

    def _say(self, verb: str, **said: Any) -> ReservationState:
        self.state = self._weir.ask(wire.of_reservation(self.id, verb, **said))
        return self.state

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, trace
        if problem is not None and self.state.status == "held":
            try:
                self.release()
            except (Away, WeirError) as left:
                logger.warning("reservation %s is not released: %s; it is when its time is over", self.id, left)


class Lease(LeaseHeld):
    """A lease, for a `with`: a thread renews it, and what is left is given back at the end. While Weir is away it is
    drawn down as far as it goes.
    """

    def __init__(self, weir: Weir, state: LeaseState, **held: Any) -> None:
        super().__init__(state, **held)
        self._weir, self._over = weir, threading.Event()
        self._thread: threading.Thread | None = None

    def renew(self, capacity: Amount | None = None) -> LeaseState:
        """Tells what was drawn, and is topped up. Away, WeirError."""
        asked_at = time.monotonic()
        wanted = self.capacity if capacity is None else Decimal(capacity)
        drawn = self.drawn
        state = self._weir.ask(wire.renewal(self.id, drawn, wanted, self.expires_in))
        self.took(state, asked_at=asked_at, told=drawn)
        return self.state

    def give_back(self) -> LeaseState:
        """Nothing more is drawn; what was not is given back. Away: it ends when its time is over, as it told so far."""
        self._over.set()
        self.draw_down.end()
        self.state = self._weir.ask(wire.give_back(self.id, self.drawn))
        return self.state

    def renew_if_due(self) -> None:
        """Whatever Weir says: what cannot be renewed now is drawn down as far as it goes."""
        if not self.is_due():
            return
        try:
            self.renew()
        except Away as away:
            self.put_off(away.retry_after_s)
        except WeirError as problem:
            logger.warning("lease %s is not renewed: %s", self.id, problem)
            self.put_off(self.expires_in)
            if problem.code in {"reservation_ended", "lease_unknown"}:
                self.draw_down.end()
                self._over.set()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._keep, name=f"lease {self.id}", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        try:
            self.give_back()
        except (Away, WeirError) as left:
            logger.warning("lease %s is not given back: %s; it ends when its time is over", self.id, left)

    def _keep(self) -> None:
        while not self._over.wait(LOOKED_AT_EACH_S):
            self.renew_if_due()


class Usage:
    """Usage by way of a spool: kept at once, sent in batches by a thread or by `flush`, again and again while Weir is
    away. `problem` is why the last sending failed; what Weir would not count is told to the log and kept aside.
    """

    def __init__(
        self, weir: Weir, spool: Spool, *, source: str, every_s: float = 1.0, records_max: int = BATCH_MAX,
        background: bool = True, told: Callable[[Exception], None] | None = None,
    ) -> None:  # fmt: skip
        self._weir, self.spool, self._source = weir, spool, source
        self._every_s, self._records_max, self._told = every_s, records_max, told
        self._sending, self._over = threading.Lock(), threading.Event()
        self.problem: Exception | None = None
        self._thread = threading.Thread(target=self._keep, name="usage", daemon=True) if background else None
        if self._thread is not None:
            self._thread.start()

    def report(self, record: Mapping[str, Any]) -> str:
        """Keeps a record, and returns its id. It counts once, however often it is sent."""
        whole = reporting.identified(record, self._source)
        self.spool.append(whole)
        return str(whole["id"])

    def flush(self) -> int:
        """Sends all that waits; how many records Weir has answered for. Away, WeirError."""
        with self._sending:
            steps = reporting.sending(self.spool, self._records_max)
            try:
                body = next(steps)
                while True:
                    body = steps.send(self._weir.send(reporting.post_of(self._weir.http, body)))
            except StopIteration as end:
                self.problem = None
                return int(end.value)

    def close(self) -> None:
        """Sends what waits if it can; what it cannot stays in the spool."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self._try()
        self.spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self) -> None:
        while not self._over.wait(self._every_s):
            self._try()

    def _try(self) -> None:
        try:
            self.flush()
        except (Away, WeirError) as problem:
            self.problem = problem
            logger.warning("usage waits in %s: %s", self.spool.folder, problem)
            if self._told is not None:
                self._told(problem)
