import pytest
from pydantic import ValidationError

from allocation.sources.documents import UsageSourceSpec


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"price": "billed"}, "give source or weir_key"),
        ({"source": "a", "weir_key": "0123456789", "price": "billed"}, "give source or weir_key"),
        ({"source": "a"}, "give identity, price or both"),
        ({"source": "a", "price": "cheapest"}, "catalogue_else_billed"),
        ({"source": "a", "identity": "name"}, "id_and_time"),
    ],
)
def test_a_sender_is_named_once_and_something_is_said_of_it(spec: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        UsageSourceSpec.model_validate({"organisation": "acme", **spec})
