from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True
