"""What is append-only binds the application too: it owns no table, and has the rights it needs and no others."""

from collections.abc import Iterator

import pgtrigger
import psycopg
import pytest
from django.db import DataError, ProgrammingError, connection, transaction

from allocation.meters.engine.months import Month
from allocation.usage.models import UsageRecord
from allocation.usage.operations import ensure_partitions, existing_partitions, seen_months
from config import roles
from config.databases import APPLICATION
from governance.scopes.models import Scope
from policies.guardrails.models import GuardrailVersion
from tests.database_owner import as_owner
from tests.policies.conftest import Apply

NOVEMBER = Month(2026, 11)
pytestmark = [pytest.mark.adversary("database"), pytest.mark.django_db]
# By hand, so that a model that loses its trigger is missed here.
APPEND_ONLY = {
    "governance_decisionrecord", "governance_unitcosttarget", "budgets_transfer", "policies_alertevent",
    "allocation_usagerecord", "allocation_adjustment", "allocation_outcome", "allocation_billingperiod",
    "allocation_exchangerate", "allocation_cataloguesnapshot", "allocation_allocationmetric",
    "allocation_allocationrun", "allocation_sharedpool", "allocation_allocatedcharge", "budgets_quotarequestentry",
    "budgets_agreement",
}  # fmt: skip
NEVER_DELETED = {
    "budgets_account", "budgets_budget", "budgets_endproposal", "budgets_grantproposal", "budgets_quotarequest",
    "policies_guardrailversion", "allocation_adjustmentrun", "django_migrations",
}  # fmt: skip


def is_refused(statement: str) -> bool:
    """Whether PostgreSQL says that the application may not, before any row is looked at."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as problem:
        return isinstance(problem.__cause__, psycopg.errors.InsufficientPrivilege)
    return False


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        )
        return [name for (name,) in cursor.fetchall()]


def test_nothing_append_only_is_changed_by_the_application() -> None:
    rights = roles.rights_by_table()
    assert {table for table, may in rights.items() if may == {"SELECT", "INSERT"}} == APPEND_ONLY
    assert {table for table, may in rights.items() if "DELETE" not in may} == APPEND_ONLY | NEVER_DELETED
    for table in sorted(APPEND_ONLY):
        with connection.cursor() as cursor:
            cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", [table])
            (column,) = cursor.fetchone()
        assert is_refused(f"UPDATE {table} SET {column} = {column}"), table
    for table in sorted(APPEND_ONLY | NEVER_DELETED):
        assert is_refused(f"DELETE FROM {table}"), table


def test_no_table_is_the_applications_and_none_is_emptied_or_loses_its_triggers_by_it() -> None:
    ensure_partitions([NOVEMBER])
    for table in tables():
        for statement in (f"TRUNCATE {table}", f"ALTER TABLE {table} DISABLE TRIGGER ALL", f"DROP TABLE {table}"):
            assert is_refused(statement), statement
    assert is_refused(f"DELETE FROM {existing_partitions()[NOVEMBER]}")
    always = "public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean LANGUAGE sql AS 'SELECT true'"
    for statement in (
        "SET session_replication_role = replica",
        "CREATE TABLE public.mine ()",
        f"CREATE OR REPLACE FUNCTION {always}",
    ):
        assert is_refused(statement), statement


def test_the_application_cannot_say_that_triggers_are_to_be_ignored(acme: Scope, apply: Apply) -> None:
    apply()
    version = GuardrailVersion.objects.get()
    with (
        transaction.atomic(),
        pgtrigger.ignore("policies.GuardrailVersion:guardrail_version_text_is_immutable"),
        pytest.raises(ProgrammingError, match="Cannot update"),
        transaction.atomic(),
    ):
        GuardrailVersion.objects.filter(pk=version.pk).update(text="another")


@pytest.fixture
def months() -> Iterator[None]:
    yield
    seen_months.clear()


@pytest.mark.usefixtures("months")
def test_only_what_is_over_is_dropped_by_it_and_that_is_remembered() -> None:
    ensure_partitions([Month(2020, 2), Month(2099, 1)])
    for statement in (
        "SELECT weir_drop_month('2099-01-01', now())",
        "SELECT weir_drop_month('2020-02-02', now())",
        "SELECT weir_drop_month(date_trunc('month', now())::date, now())",
    ):
        assert is_refused(statement), statement
    for statement in (
        "SELECT weir_drop_week('governance_decisionrecord')", "SELECT weir_drop_week('allocation_usageminute_rest')",
        "SELECT weir_make_week('governance_decisionrecord', '2026-11-23')",
        "SELECT weir_make_month('2026-11-02')",
    ):  # fmt: skip
        with pytest.raises(DataError), transaction.atomic():
            connection.cursor().execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("SELECT weir_drop_month('2020-02-01', now())")
    assert Month(2020, 2) not in existing_partitions()
    assert Month(2099, 1) in existing_partitions()
    assert not UsageRecord.objects.exists()


def test_its_rights_are_given_once_and_put_right_by_the_next_migration() -> None:
    assert list(roles.lacking(APPLICATION)) == []
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"GRANT UPDATE, TRUNCATE ON governance_decisionrecord TO {APPLICATION}")
        cursor.execute(f"REVOKE SELECT ON governance_scope FROM {APPLICATION}")
        cursor.execute("GRANT EXECUTE ON FUNCTION weir_make_month(date) TO PUBLIC")
    (told,) = roles.examine()
    assert (told.is_fine, told.sentence) == (
        False, f"4 right(s) of the application's role {APPLICATION} are not as they should be: run `weir migrate`.",
    )  # fmt: skip
    with as_owner():
        assert roles.grant(APPLICATION) == 4
        assert roles.grant(APPLICATION) == 0
    assert [finding.sentence for finding in roles.examine()] == [
        f"The application's role {APPLICATION} owns no table: append-only binds it too."
    ]


def test_the_doctor_tells_of_an_application_that_is_superuser_or_owns_its_tables() -> None:
    with as_owner():
        (told,) = roles.examine()
        assert (told.is_fine, "PostgreSQL's superuser" in told.sentence) == (False, True)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE ROLE weir_test_owner")
        cursor.execute("ALTER TABLE governance_decisionrecord OWNER TO weir_test_owner")
        cursor.execute("SET ROLE weir_test_owner")
        (told,) = roles.examine()
    assert (told.word, "owns its tables as weir_test_owner" in told.sentence) == ("note", True)
