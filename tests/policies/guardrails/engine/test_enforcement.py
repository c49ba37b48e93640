import pytest

from policies.guardrails.engine.constraint_kinds import Block
from policies.guardrails.engine.types import Notify
from tests.policies.guardrails.engine.guardrails import BLOCK, NOTIFY, compiled, played, step

STOP = step("stop", "spend >= 100", actions=[NOTIFY, BLOCK])


@pytest.mark.parametrize(
    ("level", "actions", "blocks", "withheld"),
    [
        ("dry_run", [], [], [Notify(("owner",)), Block()]),
        ("advisory", ["notify"], [], [Block()]),
        ("soft_mandatory", ["notify", "block"], ["stop"], []),
        ("hard_mandatory", ["notify", "block"], ["stop"], []),
    ],
)
def test_the_level_decides_what_is_done(
    level: str, actions: list[str], blocks: list[str], withheld: list[object]
) -> None:
    outcome = played(compiled(STOP, level=level), (0, {"spend": 100.0, "allowance": 1.0}))[0]
    assert outcome.status == "firing"
    assert [one.action.kind for one in outcome.actions] == actions
    assert [one.step for one in outcome.constraints] == blocks
    assert list(outcome.withheld) == withheld
