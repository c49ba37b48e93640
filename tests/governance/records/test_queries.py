from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.records.engine import START, Head
from governance.records.queries import chain_head, verify_chain
from tests.database_owner import as_owner
from tests.governance.conftest import AT
from tests.governance.records.written import record


def tamper(sql: str) -> None:
    """As somebody who owns the database might."""
    with transaction.atomic(), as_owner(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_records_follow_each_other(db: None) -> None:
    first, second = record(1), record(2)
    assert (first.seq, first.previous_hash) == (1, START)
    assert (second.seq, second.previous_hash) == (2, first.hash)
    assert verify_chain().broken is None
    assert chain_head() == Head(2, second.hash)


text = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reason=text,
    subject=text,
    evidence=st.dictionaries(text, json, max_size=3),
    at=st.datetimes(min_value=AT.replace(tzinfo=None, year=1970)),
)
def test_python_and_the_database_compute_the_same_hash(
    db: None, reason: str, subject: str, evidence: dict[str, Any], at: Any
) -> None:
    record(reason=reason, subject=subject, evidence=evidence, at=at.replace(tzinfo=AT.tzinfo))
    assert verify_chain().broken is None


@pytest.mark.parametrize(
    ("tampering", "seq", "sentence"),
    [
        ("UPDATE governance_decisionrecord SET reason = 'x' WHERE seq = 3", 3, "changed after"),
        ("UPDATE governance_decisionrecord SET evidence = '{\"number\": 3.0}' WHERE seq = 3", 3, "changed after"),
        (
            "UPDATE governance_decisionrecord SET decided_at = decided_at + interval '1 us' WHERE seq = 3",
            3,
            "changed after",
        ),
        ("UPDATE governance_decisionrecord SET actor = actor || action, action = '' WHERE seq = 3", 3, "changed after"),
        ("UPDATE governance_decisionrecord SET hash = repeat('a', 64) WHERE seq = 3", 3, "changed after"),
        ("DELETE FROM governance_decisionrecord WHERE seq = 3", 4, "record 3 is missing"),
        ("DELETE FROM governance_decisionrecord WHERE seq = 1", 2, "record 1 is missing"),
        ("UPDATE governance_decisionrecord SET previous_hash = repeat('a', 64) WHERE seq = 3", 3, "does not follow"),
    ],
)
def test_verify_names_the_first_record_that_was_tampered_with(
    db: None, tampering: str, seq: int, sentence: str
) -> None:
    for number in range(1, 6):
        record(number)
    tamper(tampering)
    check = verify_chain()
    assert check.broken_seq == seq
    assert sentence in (check.broken or "")
    with pytest.raises(SystemExit) as ended:
        call_command("audit", "verify")
    assert ended.value.code == 1


def test_a_head_kept_elsewhere_finds_a_chain_that_was_cut_or_rewritten(db: None) -> None:
    for number in range(1, 6):
        record(number)
    head = chain_head()
    assert verify_chain(expected=head).broken is None
    tamper("DELETE FROM governance_decisionrecord WHERE seq = 5")
    assert verify_chain().broken is None
    assert verify_chain(expected=head).broken == "the chain ends before the expected head"
    record(5, reason="another story")
    assert verify_chain().broken is None
    assert verify_chain(expected=head).broken == "the record differs from the expected head"


def test_an_empty_chain_holds_and_has_no_head(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audit", "verify")
    assert capsys.readouterr().out == "0 records hold; head none yet.\n"
    with pytest.raises(CommandError, match="no decision record yet"):
        call_command("audit", "head")
    with pytest.raises(CommandError, match="a head is SEQ:HASH"):
        call_command("audit", "verify", "--head", "5:abc")
