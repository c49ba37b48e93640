"""The app, what personas may change in it, and what is put right in the database after its migrations."""

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

from governance.people.engine import AppRights

# pgtrigger's own catches the error of a setting that is not set, in a subtransaction for every row that has a trigger,
# and ending one looks through all that the transaction has left to check: 15,000 decision records took 1.7 s of
# PostgreSQL's CPU. Each of its migrations writes that function again, so this one is written after all of them. Only
# the owner of the tables is heard: else the application could switch off what binds it.
IS_TRIGGER_IGNORED = """
CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        trigger_name = ANY (nullif(current_setting('pgtrigger.ignore', true), '')::text[])
        AND current_user = {owner}, false
    )
$$
"""
IS_OURS = "SELECT pg_has_role(proowner, 'USAGE') FROM pg_proc WHERE oid = to_regproc('public._pgtrigger_should_ignore')"


def quicken_triggers(*, using: str, **_: object) -> None:
    """Whether a trigger is to be ignored is asked without a subtransaction. Written by the owner, who migrates: the
    signal comes also where tables are emptied.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(IS_OURS)
        if cursor.fetchone() != (False,):
            cursor.execute("SELECT quote_literal(current_user)")
            cursor.execute(IS_TRIGGER_IGNORED.format(owner=cursor.fetchone()[0]))


class GovernanceConfig(AppConfig):
    name = "governance"
    verbose_name = "Governance"
    default_auto_field = "django.db.models.BigAutoField"
    rights = AppRights(
        changes={
            "finance": frozenset({"unitcosttarget"}),
            "finops": frozenset({"unitcosttarget"}),
            "platform": frozenset({"channel", "apikey", "delivery"}),
        }
    )

    def ready(self) -> None:
        post_migrate.connect(quicken_triggers, sender=self)
