from typing import Any

import pytest

from governance.documents import DocumentError
from tests.allocation.declared_documents import BOOK, RULES, book, rules


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (rules, RULES.replace("scope: acme/search}", "scope: globex/search}"), "lies outside acme"),
        (rules, RULES.replace("rules:", "rulez:"), "is not a field here"),
        (rules, RULES.replace("when: {team: old}", "when: {}"), "at least 1"),
        (book, BOOK.replace('input: "2.00"', 'inputs: "2.00"'), "is not a field here"),
        (book, BOOK.replace('"0.01"', '"-1"'), "greater than or equal to 0"),
        (book, BOOK.replace('gpu_hour: "3.6"', "above_input_tokens: 5, input: 1"), "context tier without its base"),
    ],
)
def test_a_mistake_is_named_with_its_place(parse: Any, text: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        parse(text)
