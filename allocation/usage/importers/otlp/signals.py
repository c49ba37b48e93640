"""The three signals of OTLP, and what is read of a log record and of a metric in either encoding. The body of a log
record and the points of a metric are never kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from allocation.usage.importers.otlp.emitters import OF_EVENTS
from allocation.usage.importers.otlp.spans import OWN_PREFIX, Scalar

Signal = Literal["traces", "logs", "metrics"]
Encoding = Literal["json", "protobuf"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The names in JSON of a signal's lists, outermost first. In protobuf all three have the same field numbers."""

    resources: str
    scopes: str
    items: str


SHAPES: Mapping[Signal, Shape] = {
    "traces": Shape("resourceSpans", "scopeSpans", "spans"),
    "logs": Shape("resourceLogs", "scopeLogs", "logRecords"),
    "metrics": Shape("resourceMetrics", "scopeMetrics", "metrics"),
}


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A log record as far as usage needs it. `index` is its position among all of the request; `trace_id` is
    hexadecimal, empty when missing; times in nanoseconds since 1970, 0 when missing.
    """

    index: int
    event_name: str
    trace_id: str
    at_ns: int
    observed_ns: int
    attributes: Mapping[str, Scalar]
    resource: Mapping[str, Scalar]
    instrumentation: str = ""

    @property
    def name(self) -> str:
        """Of the event that it records; empty for a plain line of a log."""
        stated = self.attributes.get("event.name")
        return stated if isinstance(stated, str) and stated else self.event_name


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name: whatever its points say was said by spans or events before."""

    index: int
    name: str
    resource: Mapping[str, Scalar]
    instrumentation: str = ""


def is_read_of_event(name: str) -> bool:
    """Whether the attribute of a log record is read at all."""
    return name in OF_EVENTS or name.startswith(OWN_PREFIX)
