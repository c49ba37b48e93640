"""What a constraint imposes is the same when it is read back."""

import pytest

from policies.constraints.models import KIND_FIELDS, Constraint, columns_of
from policies.guardrails.engine.constraint_kinds import Block, imposed_by


@pytest.mark.parametrize("imposed", [Block(), Block(models=("gpt-4*", "o3"), message="Used up.")])
def test_a_block_is_read_back_as_it_was_written(imposed: Block) -> None:
    columns = columns_of(imposed)

    assert tuple(columns) == KIND_FIELDS
    assert imposed_by(columns["action"], columns["model_patterns"], imposed.message) == imposed


def test_what_is_imposed_is_written_in_columns_of_the_table() -> None:
    assert set(KIND_FIELDS) <= {field.name for field in Constraint._meta.get_fields()}
