"""Start the front: python -m config.front"""

import asyncio
import os
import resource
import signal
import sys

import uvloop

from config import settings
from config.folders import data_folder
from config.front.callers import Limits
from config.front.clients import Client
from config.front.limits import BACKLOG, CONNECTIONS_MAX
from config.front.serving import Decisions, Front
from config.front.web import Web
from config.logs import log_to_stderr
from governance.memory.engine import collect_cycles_seldom
from policies.decisions.engine.deciding import Trust
from policies.decisions.engine.snapshot import Snapshot
from policies.decisions.operations.following import follow_in_background

LIMITS = Limits(
    key_per_s=settings.LIMIT_KEY_PER_S,
    person_per_s=settings.LIMIT_PERSON_PER_S,
    address_per_s=settings.LIMIT_ADDRESS_PER_S,
    sign_in_per_min=settings.LIMIT_SIGN_IN_PER_MIN,
    usage_bytes_max=settings.USAGE_BODY_BYTES_MAX,
    command_bytes_max=settings.COMMAND_BODY_BYTES_MAX,
    form_bytes_max=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
)
# A connection, and the file that holds its body; those to the web processes.
FILES_MAX = 2 * CONNECTIONS_MAX + 256


async def serve(host: str, port: int) -> None:
    """Until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    snapshot = Snapshot()
    trust = Trust(float(settings.DECISIONS_STALE_AFTER_S), frozenset(settings.DECISIONS_FAIL_CLOSED))
    web = Web(str(data_folder(os.environ.get("WEIR_DATA_DIR", "")).web_socket))
    front = Front(
        Decisions(snapshot, trust), web, is_behind_proxy=settings.USE_X_FORWARDED_HOST, now=loop.time, limits=LIMITS
    )
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    stop_following = follow_in_background(settings.DECISIONS_CONNINFO, snapshot)
    server = await loop.create_server(lambda: Client(front), host, port, backlog=BACKLOG)
    clock = loop.create_task(front.keep_time())
    await stopped.wait()
    server.close()
    stop_following()
    clock.cancel()
    await front.stop()


def main() -> None:
    """Serve at WEIR_WEB_HOST and WEIR_WEB_PORT."""
    log_to_stderr(settings.LOG_LEVEL)
    _allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if most == resource.RLIM_INFINITY else min(FILES_MAX, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    # The thread that follows the database must not keep the one that answers waiting for Python's default of 5 ms.
    sys.setswitchinterval(0.0005)
    collect_cycles_seldom()
    uvloop.run(serve(os.environ["WEIR_WEB_HOST"], int(os.environ["WEIR_WEB_PORT"])))


if __name__ == "__main__":
    main()
