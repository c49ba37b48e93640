from collections.abc import Iterator

import pytest

from tests.journeys.doubles import Received, slack_server, smtp_server
from tests.journeys.installation import Installation, free_port, installation


@pytest.fixture(scope="session")
def received() -> Received:
    return Received()


@pytest.fixture(scope="session")
def slack_url(received: Received) -> Iterator[str]:
    with slack_server(received) as url:
        yield url


@pytest.fixture(scope="session")
def weir(received: Received, slack_url: str) -> Iterator[Installation]:
    """One running installation for every journey; each journey has an organisation of its own."""
    with (
        smtp_server(received, free_port()) as smtp_port,
        installation(
            WEIR_EMAIL_HOST="127.0.0.1",
            WEIR_EMAIL_PORT=str(smtp_port),
            WEIR_ALLOW_LOOPBACK_WEBHOOKS="true",
            SLACK_WEBHOOK_URL=slack_url,
        ) as running,
    ):
        running.start()
        yield running
