from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from governance.scopes.models import Scope
from tests.allocation.conftest import Client
from tests.allocation.usage.importers.imported import CSV, CSV_MAPPING
from tests.allocation.usage.sent_bodies import MEGABYTE


@pytest.fixture
def sender(acme: Scope, client_of: Client, settings: Any) -> APIClient:
    settings.USAGE_BODY_BYTES_MAX = MEGABYTE
    return client_of(acme)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rows, mapping = tmp_path / "rows.csv", tmp_path / "mapping.yaml"
    rows.write_text(CSV)
    mapping.write_text(CSV_MAPPING)
    return rows, mapping
