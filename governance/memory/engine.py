"""What processes keep in memory: the channel on which the database tells of changes to it, and its cycles."""

import gc

CHANNEL = "weir_decisions"
# Begins what a transaction tells after all else: its number follows.
AFTER = "after"
IDS_TOLD_MAX = 200


def collect_cycles_seldom() -> None:
    """For a process that has loaded all it needs. A batch of usage creates ten thousand objects, nearly all freed by
    reference counting: collecting cycles at Python's default threshold of 700 cost a fifth of ingest. Modules loaded by
    now stay for good and need no collection.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
