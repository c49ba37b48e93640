"""Decision records say what was done, and to what, in one notation."""

import ast
import re
from collections.abc import Iterator

import pytest

from governance.documents import Change
from tests.meta.test_refusals import named, sources

ACTION = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
SUBJECT = re.compile(r"[a-z]+(_[a-z]+)*:\S+")
RECORDS = {"record_decision", "record_version", "PendingRecord", "Decided"}
# Said where they are made: by callers of `record_version`, in `PendingRecord`s, by `Change.subject` below.
PASSED_ON = {"action", "one.action", "one.subject", "decision.action", "decision.subject", "change.subject"}


def said() -> Iterator[tuple[str, str]]:
    """What every record is called with: `action` or `subject`, and its text with x for each part filled in."""
    for _, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and named(node.func) in RECORDS:
                of_version = named(node.func) == "record_version"
                given = {each.arg: each.value for each in node.keywords}
                for name, place in (("action", 1 if of_version else 0), ("subject", 2)):
                    value = given.get(name) or (node.args[place] if len(node.args) > place else None)
                    if value is not None and not (of_version and name == "subject"):
                        yield from ((name, text) for text in texts(value))


def texts(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant():
            yield str(value.value)
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts)
        case ast.IfExp(body=first, orelse=second):
            yield from texts(first)
            yield from texts(second)
        case _:
            yield ast.unparse(value)


def test_every_record_is_a_verb_of_a_noun_on_a_noun_with_its_identity() -> None:
    found = set(said())
    shapes = {"action": ACTION, "subject": SUBJECT}

    assert {name for name, _ in found} == {"action", "subject"}
    assert [one for one in sorted(found) if one[1] not in PASSED_ON and not shapes[one[0]].fullmatch(one[1])] == []


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("PriceBook", "price_book:acme"),
        ("SharedCostSplit", "shared_cost_split:acme"),
        ("Commitment", "commitment:acme"),
        ("ExchangeRates", "exchange_rates:acme"),
    ],
)
def test_a_document_is_recorded_in_the_same_notation(kind: str, subject: str) -> None:
    assert Change(kind=kind, name="acme", action="create").subject == subject
