from typing import Any

from hypothesis import strategies as st
from rest_framework.test import APIClient

from allocation.meters.documents import UsageEvent
from allocation.usage.importers.otlp.reading import read_traces
from tests.allocation.otlp_bodies import PROTOBUF, as_json, as_protobuf, request

PATH = "/api/v1/otlp/v1/traces"


PROMPT = "a prompt that only its author may read"


def post(
    sender: APIClient, body: dict[str, Any], *, protobuf: bool = False, query: str = "", signal: str = "traces"
) -> Any:
    packed, kind = (as_protobuf(body), PROTOBUF) if protobuf else (as_json(body), "application/json")
    return sender.generic("POST", f"/api/v1/otlp/v1/{signal}{query}", packed, kind)


def events_of(*spans: dict[str, Any], price: Any = "catalogue", **resource: Any) -> list[UsageEvent]:
    body = request(*spans, resource=resource)
    read = [
        read_traces(packed, encoding=encoding, records_max=1000, price=price)
        for packed, encoding in ((as_json(body), "json"), (as_protobuf(body), "protobuf"))
    ]
    assert read[0].events == read[1].events
    assert [(one.index, one.fault) for one in read[0].refused] == [(one.index, one.fault) for one in read[1].refused]
    return read[0].events


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
