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
    Told,
    tell,
)

__all__ = [
    "AlertAlreadyAcknowledged",
    "AlertResolved",
    "Ending",
    "Told",
    "acknowledge_alert",
    "tell",
    "tell_endings",
]
