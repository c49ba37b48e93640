import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.models import ImportRun, UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import event

MAPPING = """
format: csv
source: log
fields:
  id: {column: id}
  occurred_at: {column: time}
  provider: {constant: openai}
  model: {constant: gpt-4o}
  tokens.input: {column: tokens}
  scope: {constant: acme/search}
"""


Write = Callable[[bytes], list[str]]


@pytest.fixture
def csv(acme: Scope, tmp_path: Path) -> Write:
    (tmp_path / "mapping.yaml").write_text(MAPPING)

    def written(content: bytes, name: str = "log.csv") -> list[str]:
        (tmp_path / name).write_bytes(content)
        return ["usage", "import", str(tmp_path / name), "--mapping", str(tmp_path / "mapping.yaml"), "--format", "csv",
                "--scope", "acme"]  # fmt: skip

    return written


def rows(*lines: str) -> bytes:
    now = (datetime.now(UTC) - timedelta(minutes=2)).isoformat()
    return "\n".join(["id,time,tokens,prompt", *(line.replace("NOW", now) for line in lines)]).encode()


def test_a_prompt_of_a_megabyte_beside_a_row_is_passed_over(csv: Write) -> None:
    call_command(*csv(rows(f"1,NOW,10,{'x' * 1_000_000}", "2,NOW,10,")))
    assert UsageRecord.objects.count() == 2


@pytest.mark.parametrize("number", ["1e999999", "-1e999999", "1e-999999", "1e999999999999999999", "NaN"])
def test_a_number_nobody_can_write_out_is_refused_alone(csv: Write, number: str) -> None:
    call_command(*csv(rows(f"1,NOW,{number},", "2,NOW,10,")))
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(gzip.compress(rows("1,NOW,10,"))[:-12], "log.csv.gz", id="a gzip that is cut off"),
        pytest.param(b"id,time,tokens,prompt\n1,x,10,caf\xe9\n", "log.csv", id="Latin-1"),
        pytest.param(b"no gzip", "log.csv.gz", id="no gzip inside"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_sentence(csv: Any, content: bytes, name: str) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command(*csv(content, name))
    assert ImportRun.objects.get().status == "failed"


@pytest.mark.parametrize("form", ["%s\n%s", "[%s,%s]"])
def test_a_byte_order_mark_before_a_native_file(acme: Scope, tmp_path: Path, form: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    texts = tuple(event(id=name, occurred_at=at).model_dump_json(exclude_defaults=True) for name in ("a", "b"))
    (tmp_path / "log.json").write_bytes(b"\xef\xbb\xbf" + (form % texts).encode())
    call_command("usage", "import", str(tmp_path / "log.json"), "--scope", "acme")
    assert set(UsageRecord.objects.values_list("event_id", "cost")) == {(name, Decimal("0.0035")) for name in "ab"}
