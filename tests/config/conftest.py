import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder to be made; PostgreSQL's own user may pass through to it, which pytest's folders do not allow."""
    above = Path(tempfile.mkdtemp(prefix="weir-"))
    above.chmod(0o755)
    yield above / "data"
    shutil.rmtree(above)


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """Of a child process that knows nothing but its data folder."""
    known = {
        name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "CELERY_", "DATABASE_"))
    }
    return known | {"WEIR_DATA_DIR": str(folder)}
