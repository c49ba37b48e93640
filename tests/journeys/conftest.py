from collections.abc import Iterator

import pytest

from tests.journeys.doubles import Received
from tests.journeys.installation import Installation, running_installation


@pytest.fixture(scope="session")
def received() -> Received:
    return Received()


@pytest.fixture(scope="session")
def weir(received: Received) -> Iterator[Installation]:
    """One running installation for every journey; each journey has an organisation of its own."""
    with running_installation(received) as running:
        yield running
