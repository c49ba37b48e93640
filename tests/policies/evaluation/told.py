from datetime import datetime, timedelta

from governance.messages.models import Delivery
from policies.decisions.queries.statement import decide
from tests.policies.conftest import AT

LATER = AT + timedelta(minutes=5)


def deliveries() -> list[tuple[str, str]]:
    found = Delivery.objects.order_by("created_at", "dedup_key").values_list("message__title", "to")
    return sorted((title, to[0]) for title, to in found)


def decision(path: str = "acme/search", at: datetime = AT) -> str:
    return decide(scope_path=path, model="gpt-4o", at=at).decision
