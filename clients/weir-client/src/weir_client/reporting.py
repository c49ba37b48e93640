"""How a batch of usage is sent, and what an answer means: the same for the blocking and the asynchronous client."""

import logging
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from weir_client.spool import Spool
from weir_client.wire import API, check, problem_of, usage

logger = logging.getLogger("weir_client")
# Of these the records are the reason, not the key, the address or the moment.
UNUSABLE = frozenset({400, 413, 422})
Refused = list[tuple[bytes, Mapping[str, Any]]]


def identified(record: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The record with what makes it one: the same each time it is sent."""
    return {"id": str(uuid4()), "source": source, "occurred_at": datetime.now(UTC).isoformat(), **record}


def sending(spool: Spool, records_max: int) -> Generator[bytes, httpx.Response, int]:
    """Bodies to post, one after the other; each is sent the answer to the one before. Returns how many records Weir has
    answered for. Away and WeirError leave what waits where it is: to be sent again with the same identities.
    """
    done = 0
    while (batch := spool.next_batch(records_max)).lines:
        refused: Refused = yield from _settled(batch.lines)
        spool.answered(batch, refused)
        done += len(batch.lines)
        for line, reason in refused:
            logger.error("usage is not counted: %s (%s); kept in %s", reason, line[:200], spool.folder)
    return done


def _settled(lines: tuple[bytes, ...]) -> Generator[bytes, httpx.Response, Refused]:
    """What Weir would not count of these. A batch that is refused as a whole is halved until the record is found."""
    response = yield usage(lines)
    problem = problem_of(response) if not response.is_success else {}
    if response.is_success or problem.get("code") == "nothing_accepted":
        return [(lines[each["index"]], each) for each in response.json()["rejected"]]
    if response.status_code not in UNUSABLE:
        check(response)
    if len(lines) == 1:
        return [(lines[0], problem or {"code": f"http_{response.status_code}"})]
    half = len(lines) // 2
    first = yield from _settled(lines[:half])
    second = yield from _settled(lines[half:])
    return first + second


def post_of(client: httpx.Client | httpx.AsyncClient, body: bytes) -> httpx.Request:
    """A batch as a request."""
    return client.build_request("POST", f"{API}/usage", content=body, headers={"Content-Type": "application/json"})
