from policies.alerts.operations.acknowledgement import (
    AlertAlreadyAcknowledged,
    AlertResolved,
    acknowledge_alert,
)
from policies.alerts.operations.endings import (
    Ending,
    tell_endings,
    told_of_endings,
)
from policies.alerts.operations.telling import (
    Addressed,
    Happened,
    Places,
    Told,
    add_events,
    addressed,
    places_of,
    tell,
)

__all__ = [
    "Addressed",
    "AlertAlreadyAcknowledged",
    "AlertResolved",
    "Ending",
    "Happened",
    "Places",
    "Told",
    "acknowledge_alert",
    "add_events",
    "addressed",
    "places_of",
    "tell",
    "tell_endings",
    "told_of_endings",
]
