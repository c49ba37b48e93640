"""How long a sender of batches waits for its answer while roll-ups are behind, so that they never fall far behind."""

SLOWED_FROM_S = 0.5
PAUSE_MAX_S = 1.0


def is_slowing(behind_s: float) -> bool:
    """Whether batches are slowed while the oldest usage that roll-ups lack is so old."""
    return behind_s > SLOWED_FROM_S


def pause_s(behind_s: float) -> float:
    """As long as roll-ups are behind beyond half a second, and never longer than a second: a fold that has stopped
    slows ingest and does not end it.
    """
    return min(max(behind_s - SLOWED_FROM_S, 0.0), PAUSE_MAX_S)
