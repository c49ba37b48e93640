"""The scheduler: Celery's, which goes on when the clock is set back."""

import logging
from datetime import timedelta
from typing import Any

from celery.beat import PersistentScheduler

logger = logging.getLogger(__name__)
# Two clocks of one machine may differ by so much.
LEEWAY = timedelta(seconds=1)


class SteadyScheduler(PersistentScheduler):
    """Celery waits for what ran last until its time has come by the clock: set back by an hour, it would start nothing
    for an hour. Entries that ran in what is now the future count as run just now.
    """

    def tick(self, *args: Any, **kwargs: Any) -> float:
        now = self.app.now()
        by = timedelta()
        for entry in self.schedule.values():
            if entry.last_run_at is not None and entry.last_run_at > now + LEEWAY:
                by = max(by, entry.last_run_at - now)
                entry.last_run_at = now
        if by:
            logger.warning("the clock was set back by %.0f s; the schedule goes on from now", by.total_seconds())
            # The order in which entries are due was made by the clock as it was.
            self._heap = None
        seconds: float = super().tick(*args, **kwargs)
        return seconds
