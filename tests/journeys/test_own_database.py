"""The same code on a PostgreSQL that somebody else runs: `DATABASE_URL` is all it takes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.embedded import EmbeddedPostgres
from config.folders import DataFolder
from tests.journeys.installation import Installation, installation

pytestmark = pytest.mark.slow

ORGANISATION = """
apiVersion: weir/v1
kind: Scope
metadata: {name: initech}
spec: {kind: organisation, currency: USD}
"""


@pytest.fixture
def weir() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="weir-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(DataFolder(folder / "theirs"), durable=False)
    server.start(say=lambda _sentence: None)
    try:
        with installation(DATABASE_URL=server.url) as made:
            made.start()
            yield made
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_usage_is_counted_and_decided_on_a_database_of_ones_own(weir: Installation) -> None:
    assert not (weir.folder / "data" / "postgres").exists()
    weir.apply(ORGANISATION)
    key = weir.key("initech", "usage:write", "decisions:read")
    event = {
        "id": "1", "source": "own", "occurred_at": datetime.now(UTC).isoformat(), "scope": "initech",
        "provider": "openai", "model": "gpt-4o", "tokens": {"input": 10, "output": 1},
    }  # fmt: skip

    counted = [weir.post("/api/v1/usage", [event], key=key).json() for _ in range(2)]

    assert [(one["accepted"], one["duplicate"]) for one in counted] == [(1, 0), (0, 1)]
    assert weir.decide("initech", key=key)["decision"] == "allow"
