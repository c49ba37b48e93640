"""Loaded by a LiteLLM proxy as a callback, in its environment and not in Weir's: the rows that it inserts into its
spend log, line by line in a file.

Its database needs an engine that is in no package registry, so the rows are taken where they are handed over to it;
what makes them is the proxy's own.
"""
# mypy: ignore-errors

import json
from pathlib import Path
from typing import Any

from litellm.proxy.db.db_spend_update_writer import DBSpendUpdateWriter
from litellm.proxy.hooks.proxy_track_cost_callback import _ProxyDBLogger

LOG = Path(__file__).with_name("spend_log.jsonl")


async def write_row(_writer: object, payload: dict[str, Any], **_: object) -> bool:
    with LOG.open("a") as log:
        log.write(json.dumps(payload, default=str) + "\n")
    return False


DBSpendUpdateWriter._record_spend_log = write_row
recorder = _ProxyDBLogger()
