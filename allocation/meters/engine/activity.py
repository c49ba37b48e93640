"""The kind of work an operation is, which separates the cost of orchestration from that of inference.

Operation names are OpenTelemetry's `gen_ai.operation.name` and the call types that gateways report.
"""

from functools import lru_cache
from typing import Literal

Activity = Literal["inference", "retrieval", "orchestration", "training", "other"]
INFERENCE: Activity = "inference"
RETRIEVAL: Activity = "retrieval"
ORCHESTRATION: Activity = "orchestration"
TRAINING: Activity = "training"
OTHER: Activity = "other"

_OPERATIONS: dict[Activity, frozenset[str]] = {
    INFERENCE: frozenset({
        "chat", "completion", "text_completion", "generate_content", "responses", "messages", "inference",
        "image_generation", "image_edit", "image_variation", "speech", "transcription", "translation",
        "video_generation", "moderation", "ocr", "realtime",
    }),
    RETRIEVAL: frozenset({
        "embeddings", "embedding", "rerank", "retrieval", "search", "web_search", "file_search", "vector_store_search",
        "vector_store_create", "vector_store",
    }),
    ORCHESTRATION: frozenset({
        "create_agent", "invoke_agent", "execute_tool", "invoke_workflow", "call_mcp_tool", "plan", "handoff",
        "guardrail", "orchestration", "tool", "agent", "workflow",
    }),
    TRAINING: frozenset({"training", "train", "fine_tuning", "fine_tune", "create_fine_tuning_job", "evaluation"}),
}  # fmt: skip
_ACTIVITY_OF: dict[str, Activity] = {name: activity for activity, names in _OPERATIONS.items() for name in names}


def operations_of(activity: str) -> frozenset[str]:
    """The operation names of an activity, in lower case. Empty for `other`: every operation not listed here."""
    named = frozenset(name for name, work in _ACTIVITY_OF.items() if work == activity)
    return named | {f"a{name}" for name in named if f"a{name}" not in _ACTIVITY_OF}


NAMED_OPERATIONS = frozenset(name for activity in _OPERATIONS for name in operations_of(activity))


@lru_cache(maxsize=4096)
def activity_of(operation: str) -> Activity:
    """`other` for an operation not listed here. An asynchronous call (`aembedding`) counts as the one it runs."""
    name = operation.lower()
    return _ACTIVITY_OF.get(name) or _ACTIVITY_OF.get(name.removeprefix("a"), OTHER)
