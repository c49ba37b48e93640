"""What kind of work an operation is, so that the cost of orchestration can be told from that of inference.

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
_OF: dict[str, Activity] = {name: activity for activity, names in _OPERATIONS.items() for name in names}


def operations_of(activity: str) -> frozenset[str]:
    """In small letters; none for `other`, which is every operation that nobody has named."""
    named = frozenset(name for name, known in _OF.items() if known == activity)
    return named | {f"a{name}" for name in named if f"a{name}" not in _OF}


NAMED_OPERATIONS = frozenset(name for each in _OPERATIONS for name in operations_of(each))


@lru_cache(maxsize=4096)
def activity_of(operation: str) -> Activity:
    """`other` for an operation nobody has named yet. An asynchronous call (`aembedding`) is the work it waits for."""
    name = operation.lower()
    return _OF.get(name) or _OF.get(name.removeprefix("a"), OTHER)
