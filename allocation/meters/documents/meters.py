"""The meters that usage is counted by, and the unit each price is for."""

from collections.abc import Mapping
from typing import Literal

TokenMeter = Literal[
    "input", "cached_input", "cache_write", "cache_write_1h", "output", "reasoning",
    "audio_input", "cached_audio_input", "audio_output", "image_input", "image_output",
]  # fmt: skip
# Counted separately from tokens; a usage event carries them in `quantities`.
CountedMeter = Literal[
    "image", "megapixel", "audio_second", "video_second", "character", "page", "annotated_page", "web_search",
    "map_search", "file_search", "session", "message",
]  # fmt: skip
Meter = Literal[TokenMeter, "request", "gpu_hour", CountedMeter]

TOKEN_METERS: tuple[str, ...] = (
    "input", "cached_input", "cache_write", "cache_write_1h", "output", "reasoning",
    "audio_input", "cached_audio_input", "audio_output", "image_input", "image_output",
)  # fmt: skip
COUNTED_METERS: tuple[str, ...] = (
    "image", "megapixel", "audio_second", "video_second", "character", "page", "annotated_page", "web_search",
    "map_search", "file_search", "session", "message",
)  # fmt: skip
METERS: tuple[str, ...] = (*TOKEN_METERS, "request", "gpu_hour", *COUNTED_METERS)

MILLION = 10**6
# The number of units that one price is for.
PRICED_PER: Mapping[str, int] = {
    **dict.fromkeys(METERS, 1), **dict.fromkeys(TOKEN_METERS, MILLION), "character": MILLION
}  # fmt: skip
