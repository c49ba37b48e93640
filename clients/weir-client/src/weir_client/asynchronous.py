"""The asynchronous client: as the blocking one, with `await`."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
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


class AsyncWeir:
    """One Weir and one key, in one event loop."""

    def __init__(self, url: str, key: str, *, timeout_s: float = wire.TIMEOUT_S) -> None:
        headers = {"Authorization": f"Bearer {key}", "User-Agent": "weir-client"}
        self.http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout_s)

    async def close(self) -> None:
        """Closes its connections."""
        await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ask(self, question: wire.Question[T]) -> T:
        """What Weir answers. Away, Refused, WeirError."""
        return question.answer(await self.send(question.request(self.http)))

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request; Away where there is none."""
        try:
            return await self.http.send(request)
        except httpx.HTTPError as problem:
            raise Away(str(problem) or type(problem).__name__) from problem

    async def limits(self, scope: str | None = None, *, unit: str | None = None) -> list[Limit]:
        """What limits the key's scope, or another that it sees."""
        return await self.ask(wire.limits(scope, unit))

    async def decide(self, model: str, **call: Any) -> Decision:
        """May this run?"""
        return await self.ask(wire.decision({"model": model, **call}))

    async def reservation(self, scope: str, amount: Amount | None = None, **terms: Any) -> "AsyncHeld":
        """Holds an amount for calls to come. Refused with what would fit."""
        stated = {"amount": Decimal(amount)} if amount is not None else {}
        return AsyncHeld(self, await self.ask(wire.hold({"scope": scope, **stated, **terms})))

    async def lease(self, scope: str, amount: Amount, *, expires_in: int = 600, **terms: Any) -> "AsyncLease":
        """Holds a large amount, to be drawn down here."""
        asked_at = time.monotonic()
        question = wire.lease({"scope": scope, "amount": Decimal(amount), "expires_in": expires_in, **terms})
        state = await self.ask(question)
        return AsyncLease(self, state, asked_at=asked_at, expires_in=expires_in, capacity=Decimal(amount))

    def usage(self, spool: Spool | Path | str, *, source: str, **how: Any) -> "AsyncUsage":
        """Reports usage by way of a spool."""
        return AsyncUsage(self, spool if isinstance(spool, Spool) else Spool(spool), source=source, **how)


class AsyncHeld:
    """A reservation, for an `async with`; as `Held`."""

    def __init__(self, weir: AsyncWeir, state: ReservationState) -> None:
        self._weir, self.state = weir, state

    @property
    def id(self) -> str:
        """By which usage names it: the attribute `reservation`."""
        return self.state.id

    async def settle(self, amount: Amount | None = None) -> ReservationState:
        """It has cost so much in all; None: what usage has told of."""
        return await self._say("settle", amount=Decimal(amount) if amount is not None else None)

    async def extend(self, *, amount: Amount | None = None, expires_in: int | None = None) -> ReservationState:
        """More of it, or for longer."""
        return await self._say("extend", amount=Decimal(amount) if amount is not None else None, expires_in=expires_in)

    async def release(self) -> ReservationState:
        """Gives back what was not used."""
        return await self._say("release")

    async def part(self, amount: Amount, **terms: Any) -> "AsyncHeld":
        """A part of it, for somebody who works below."""
        return await self._weir.reservation(self.state.scope, amount, parent=self.id, unit=self.state.unit, **terms)

    async def _say(self, verb: str, **said: Any) -> ReservationState:
        self.state = await self._weir.ask(wire.of_reservation(self.id, verb, **said))
        return self.state

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, trace
        if problem is not None and self.state.status == "held":
            try:
                await self.release()
            except (Away, WeirError) as left:
                logger.warning("reservation %s is not released: %s; it is when its time is over", self.id, left)


class AsyncLease(LeaseHeld):
    """A lease, for an `async with`; as `Lease`, renewed by a task."""

    def __init__(self, weir: AsyncWeir, state: LeaseState, **held: Any) -> None:
        super().__init__(state, **held)
        self._weir = weir
        self._task: asyncio.Task[None] | None = None

    async def renew(self, capacity: Amount | None = None) -> LeaseState:
        """Tells what was drawn, and is topped up. Away, WeirError."""
        asked_at = time.monotonic()
        wanted = self.capacity if capacity is None else Decimal(capacity)
        drawn = self.drawn
        state = await self._weir.ask(wire.renewal(self.id, drawn, wanted, self.expires_in))
        self.took(state, asked_at=asked_at, told=drawn)
        return self.state

    async def give_back(self) -> LeaseState:
        """Nothing more is drawn; what was not is given back."""
        self.draw_down.end()
        self.state = await self._weir.ask(wire.give_back(self.id, self.drawn))
        return self.state

    async def renew_if_due(self) -> None:
        """Whatever Weir says: what cannot be renewed now is drawn down as far as it goes."""
        if not self.is_due():
            return
        try:
            await self.renew()
        except Away as away:
            self.put_off(away.retry_after_s)
        except WeirError as problem:
            logger.warning("lease %s is not renewed: %s", self.id, problem)
            self.put_off(self.expires_in)
            if problem.code in {"reservation_ended", "lease_unknown"}:
                self.draw_down.end()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        await _stopped(self._task)
        try:
            await self.give_back()
        except (Away, WeirError) as left:
            logger.warning("lease %s is not given back: %s; it ends when its time is over", self.id, left)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LOOKED_AT_EACH_S)
            await self.renew_if_due()


class AsyncUsage:
    """Usage by way of a spool, for an `async with`; as `Usage`, sent by a task."""

    def __init__(
        self, weir: AsyncWeir, spool: Spool, *, source: str, every_s: float = 1.0, records_max: int = BATCH_MAX
    ) -> None:
        self._weir, self.spool, self._source = weir, spool, source
        self._every_s, self._records_max = every_s, records_max
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.problem: Exception | None = None

    def report(self, record: Mapping[str, Any]) -> str:
        """Keeps a record, and returns its id. It counts once, however often it is sent."""
        whole = reporting.identified(record, self._source)
        self.spool.append(whole)
        return str(whole["id"])

    async def flush(self) -> int:
        """Sends all that waits; how many records Weir has answered for. Away, WeirError."""
        async with self._sending:
            steps = reporting.sending(self.spool, self._records_max)
            try:
                body = next(steps)
                while True:
                    body = steps.send(await self._weir.send(reporting.post_of(self._weir.http, body)))
            except StopIteration as end:
                self.problem = None
                return int(end.value)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        await _stopped(self._task)
        await self._try()
        self.spool.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self._try()

    async def _try(self) -> None:
        try:
            await self.flush()
        except (Away, WeirError) as problem:
            self.problem = problem
            logger.warning("usage waits in %s: %s", self.spool.folder, problem)


async def _stopped(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
