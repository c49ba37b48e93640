from datetime import timedelta

from governance.work.models import Heartbeat
from governance.work.operations import beat
from tests.governance.conftest import AT

SECOND = timedelta(seconds=1)


def test_a_heartbeat_is_one_row(db: None) -> None:
    beat("beat", at=AT)
    beat("beat", at=AT + SECOND, detail="still here")
    assert list(Heartbeat.objects.values_list("name", "beat_at", "detail")) == [("beat", AT + SECOND, "still here")]
