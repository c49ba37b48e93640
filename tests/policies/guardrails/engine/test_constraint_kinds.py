"""What is asked of a constraint kind before it is stored."""

import pytest

from policies.guardrails.documents.constraint_kinds import BlockAction, BlockEntry
from policies.guardrails.engine.constraint_kinds import (
    Block,
    constraint_of,
    covers,
    described,
    effect,
    fingerprint,
    refuses_calls,
    to_json,
)

SOME = Block(models=("gpt-4*", "o3"), message="Used up.")


def test_a_block_is_made_from_its_entry() -> None:
    assert constraint_of(BlockEntry(block=BlockAction(models=("gpt-4*", "o3"), message="Used up."))) == SOME


@pytest.mark.parametrize(
    ("constraint", "model", "covered"),
    [
        pytest.param(Block(), "anything", True, id="no models named: every model"),
        pytest.param(SOME, "gpt-4o", True, id="a pattern"),
        pytest.param(SOME, "o3", True, id="a name"),
        pytest.param(SOME, "o3-mini", False, id="another name"),
        pytest.param(SOME, "GPT-4o", False, id="letters' case counts"),
        pytest.param(Block(models=("m[1m]",)), "m[1m]", True, id="brackets are themselves"),
        pytest.param(Block(models=("m[1m]",)), "m1", False, id="brackets are no set of letters"),
        pytest.param(Block(models=("o?",)), "o3", False, id="a question mark is no letter"),
    ],
)
def test_a_block_covers_the_models_it_names(constraint: Block, model: str, covered: bool) -> None:
    assert covers(constraint, model) is covered


def test_what_is_said_of_a_block() -> None:
    assert (refuses_calls(SOME), effect(SOME)) == (True, "blocks")
    assert to_json(SOME) == {"models": ["gpt-4*", "o3"]}
    assert described(SOME) == ("Blocked", "gpt-4*, o3")
    assert described(Block()) == described(Block(models=("*",))) == ("Blocked", "all models")


def test_equal_limits_have_one_fingerprint() -> None:
    assert fingerprint([SOME]) == fingerprint([Block(models=("o3", "gpt-4*"))]) == "block gpt-4*, o3"
    assert fingerprint([Block()]) == fingerprint([Block(models=("o3", "*"))]) == "block *"
    assert fingerprint([]) == ""
