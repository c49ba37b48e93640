from policies.alerts.operations.acknowledgement import (
    AlertAlreadyAcknowledged,
    AlertResolved,
    acknowledge_alert,
)
from policies.alerts.operations.endings import (
    Ending,
    tell_endings,
)
from policies.alerts.operations.telling import (
    Happened,
    Told,
    add_events,
    tell,
)

__all__ = [
    "AlertAlreadyAcknowledged",
    "AlertResolved",
    "Ending",
    "Happened",
    "Told",
    "acknowledge_alert",
    "add_events",
    "tell",
    "tell_endings",
]
