"""Which names of columns a refusal repeats."""

import pytest

from allocation.usage.importers.told_columns import named_columns, told_columns


def test_names_of_exports_are_told_and_others_counted() -> None:
    names = ["start_time", "message.usage.input_tokens", "prompt", "tell nobody of this", "start_time.secret"]
    assert told_columns(names) == ["start_time", "message.usage.input_tokens", "prompt"]
    assert named_columns(names, shown_max=40) == "start_time, message.usage.input_tokens, prompt, 2 of other names"


@pytest.mark.parametrize(
    ("names", "shown_max", "said"),
    [
        ([], 40, "none"),
        (["a secret"], 40, "1 of other names"),
        (["model", "usage_date_utc"], 1, "model, 1 of other names"),
    ],
)
def test_it_is_a_list_for_a_sentence(names: list[str], shown_max: int, said: str) -> None:
    assert named_columns(names, shown_max=shown_max) == said
