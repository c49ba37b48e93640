"""What each persona may do, app by app, and all of it together."""

from django.apps import apps

from governance.people.engine import ALL, AppRights, api_writes_of, changes_of
from governance.people.models import KeyPermission, Persona
from governance.people.rules import rights_of_apps

SEVERAL = {
    "north": AppRights(
        changes={"finance": frozenset({"ledger", "plan"}), "platform": frozenset({ALL})},
        api_writes={"finance": frozenset({"plans:write"})},
    ),
    "south": AppRights(changes={"finance": frozenset({ALL})}, api_writes={"finance": frozenset({"usage:write"})}),
    "west": AppRights(),
}


def test_the_rights_of_several_apps_add_up() -> None:
    assert changes_of(SEVERAL, "finance") == {"north.ledger", "north.plan", "south.*"}
    assert changes_of(SEVERAL, "platform") == {"north.*"}
    assert changes_of(SEVERAL, "engineering") == frozenset()
    assert api_writes_of(SEVERAL, "finance") == {"plans:write", "usage:write"}
    assert api_writes_of(SEVERAL, "platform") == api_writes_of({}, "finance") == frozenset()


def test_what_a_persona_changes_in_the_whole_house() -> None:
    declared = rights_of_apps()
    assert set(declared) == {"governance", "allocation", "budgets", "policies", "reporting"}
    assert {persona: changes_of(declared, persona) for persona in Persona.values} == {
        "engineering": frozenset(),
        "finance": {"budgets.*", "allocation.allocationrun", "allocation.billingperiod", "governance.unitcosttarget"},
        "finops": {
            "allocation.allocationrun",
            "allocation.attributionruleset",
            "allocation.attributionrule",
            "allocation.pricebook",
            "allocation.price",
            "allocation.adjustmentrun",
            "allocation.quarantinedusage",
            "allocation.usagesource",
            "governance.unitcosttarget",
            "policies.alert",
            "policies.constraint",
        },
        "platform": {"governance.channel", "governance.apikey", "governance.delivery"},
    }


def test_what_a_persona_writes_through_the_api_of_the_whole_house() -> None:
    declared = rights_of_apps()
    assert {persona: api_writes_of(declared, persona) for persona in Persona.values} == {
        "engineering": {"alerts:write", "budgets:write", "reservations:write"},
        "finance": {"budgets:write", "reservations:write"},
        "finops": {"alerts:write", "budgets:write", "guardrails:write", "reservations:write", "usage:write"},
        "platform": {"alerts:write", "guardrails:write", "usage:write"},
    }


def test_nothing_is_declared_that_is_not_there() -> None:
    for label, rights in rights_of_apps().items():
        assert {*rights.changes, *rights.api_writes} <= set(Persona.values), label
        assert frozenset().union(*rights.api_writes.values()) <= set(KeyPermission.values), label
        models = {model._meta.model_name for model in apps.get_app_config(label).get_models()}
        assert frozenset().union(*rights.changes.values()) - {ALL} <= models, label
