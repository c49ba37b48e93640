"""The pages of anomalies."""

import pytest
from django.test import Client

from allocation.anomalies.models import Anomaly
from allocation.anomalies.operations import detect_anomalies
from governance.people.models import User
from governance.scopes.models import Scope
from tests.allocation.anomalies.daily import AT, delivered, judged, used

pytestmark = pytest.mark.django_db
LIST = "/admin/allocation/anomaly/"


@pytest.mark.parametrize(
    ("feedback", "word"),
    [("yes", "yes, an anomaly"), ("no", "no, a false alarm"), ("accepted", "accepted as the new usual")],
)
def test_feedback_is_shown_in_words(acme: Scope, search: Scope, feedback: str, word: str) -> None:
    used(search, {1: 700})
    delivered(acme)
    detect_anomalies(at=AT)
    anomaly = Anomaly.objects.get()
    judged(anomaly, feedback)
    client = Client()
    client.force_login(User.objects.create_superuser("o@acme.example", "a long password"), backend=BACKEND)
    for address in (LIST, f"{LIST}{anomaly.pk}/change/"):
        page = client.get(address).content.decode()
        assert word in page
        assert f"(&#x27;{feedback}" not in page
    assert "more than usual: acme/search used gpt-4o for 700.00 USD instead of" in page


BACKEND = "django.contrib.auth.backends.ModelBackend"
