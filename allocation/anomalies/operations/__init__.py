"""Detecting anomalies in daily use, and people's feedback on them, as other packages import them."""

from allocation.anomalies.operations.changes import (
    DetectionCounts,
)
from allocation.anomalies.operations.detection import (
    detect_anomalies,
)
from allocation.anomalies.operations.feedback import (
    give_feedback,
)

__all__ = ["DetectionCounts", "detect_anomalies", "give_feedback"]
