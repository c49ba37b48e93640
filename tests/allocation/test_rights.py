"""What is declared for an organisation is declared by whoever may change it, whichever way they come."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from pydantic import TypeAdapter

from allocation.attribution.models import AttributionRuleSet
from allocation.attribution.operations import apply_attribution_rules
from allocation.commitments.documents import CommitmentDocument
from allocation.commitments.models import Commitment
from allocation.commitments.operations import apply_commitment
from allocation.prices.documents import ExchangeRatesDocument, PriceSpec, RateSpec
from allocation.prices.models import ExchangeRate, PriceBook
from allocation.prices.operations import (
    BookTerms,
    apply_exchange_rates,
    apply_price_book,
    import_exchange_rates,
    import_prices,
)
from allocation.shared_cost.models import SharedCostSplit
from allocation.shared_cost.operations import apply_shared_cost_split
from governance.documents import load_documents, parse_document
from governance.errors import Forbidden
from governance.people.models import Ownership, User
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, make_organisation
from tests.allocation.declared_documents import book, rules
from tests.allocation.prices.exchange_rates import RATES
from tests.allocation.prices.operations.test_exchange_rates import BOOK
from tests.allocation.sharing import NODE, add_platform, split_document

RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: acme-rules}
spec:
  organisation: acme
  keys: [{key_alias: ranker, scope: acme/search}]
"""
PRICE = PriceSpec.model_validate(
    {"provider": "openai", "model": "gpt-4o", "effective_from": "2026-01-01", "input": "2"}
)
RATE = RateSpec.model_validate({"from": "EUR", "to": "USD", "effective_from": "2026-11-20", "rate": "1.08"})


def attribution_rules(actor: Actor) -> None:
    apply_attribution_rules(rules(RULES), actor=actor, at=AT)


def price_book(actor: Actor) -> None:
    apply_price_book(book(BOOK.replace("EUR", "USD")), actor=actor, at=AT)


def price_list(actor: Actor, *, dry_run: bool = False) -> None:
    import_prices(
        organisation="acme", name="list", entries=[PRICE], terms=BookTerms(currency="USD"), reason="As agreed.",
        actor=actor, at=AT, dry_run=dry_run,
    )  # fmt: skip


def price_list_looked_at(actor: Actor) -> None:
    price_list(actor, dry_run=True)


def exchange_rates(actor: Actor) -> None:
    document = parse_document(TypeAdapter(ExchangeRatesDocument), load_documents(RATES, source="rates.yaml")[0])
    apply_exchange_rates(document, actor=actor, at=AT)


def rate_list(actor: Actor) -> None:
    import_exchange_rates(organisation="acme", source="ECB", rates=[RATE], actor=actor, at=AT)


def commitment(actor: Actor) -> None:
    document = parse_document(TypeAdapter(CommitmentDocument), load_documents(NODE, source="node.yaml")[0])
    apply_commitment(document, actor=actor, at=AT)


def shared_cost_split(actor: Actor) -> None:
    apply_shared_cost_split(split_document(), actor=actor, at=AT)


Declaring = Callable[[Actor], None]
BY_FINOPS = (attribution_rules, price_book, price_list)
# No persona declares these: an operator does, or whom an administrator gave Django's own permission.
BY_NO_PERSONA = {
    exchange_rates: "change_exchangerate",
    rate_list: "change_exchangerate",
    commitment: "change_commitment",
    shared_cost_split: "change_sharedcostsplit",
}
EVERY = (*BY_FINOPS, price_list_looked_at, *BY_NO_PERSONA)
DECLARED = (AttributionRuleSet, PriceBook, ExchangeRate, Commitment, SharedCostSplit)


def person(scope: Scope, persona: str) -> Actor:
    user = User.objects.create_user(f"{persona}@example.com", "a long password", is_staff=True)
    Ownership.objects.create(scope=scope, user=user, persona=persona)
    return Actor.of_user(user)


def declared() -> list[int]:
    return [model.objects.count() for model in DECLARED]


@pytest.fixture(autouse=True)
def platform(acme: Scope) -> Scope:
    return add_platform(acme)


def refused(declare: Declaring, actor: Actor) -> None:
    records = DecisionRecord.objects.count()
    with pytest.raises(Forbidden, match="has no say over acme"):
        declare(actor)
    assert (declared(), DecisionRecord.objects.count()) == ([0] * len(DECLARED), records)


@pytest.mark.parametrize("declare", EVERY)
def test_who_only_looks_declares_nothing(acme: Scope, declare: Declaring) -> None:
    refused(declare, person(acme, "engineering"))


@pytest.mark.parametrize("declare", EVERY)
def test_who_is_of_another_organisation_declares_nothing(acme: Scope, declare: Declaring) -> None:
    refused(declare, person(make_organisation("globex"), "finops"))


@pytest.mark.parametrize("declare", EVERY)
def test_who_is_of_a_part_declares_nothing_for_the_whole(search: Scope, declare: Declaring) -> None:
    refused(declare, person(search, "finops"))


@pytest.mark.parametrize("declare", BY_NO_PERSONA)
def test_a_persona_does_not_declare_what_is_of_none(acme: Scope, declare: Declaring) -> None:
    refused(declare, person(acme, "finops"))


@pytest.mark.parametrize("declare", BY_FINOPS)
def test_finops_declares_what_is_theirs(acme: Scope, declare: Declaring) -> None:
    declare(person(acme, "finops"))
    assert sum(declared()) == 1


@pytest.mark.parametrize(("declare", "permission"), BY_NO_PERSONA.items())
def test_who_was_given_the_permission_declares_it(acme: Scope, declare: Declaring, permission: str) -> None:
    actor = person(acme, "finance")
    assert actor.user is not None
    actor.user.user_permissions.add(Permission.objects.get(codename=permission))
    declare(actor)
    assert sum(declared()) > 0


@pytest.mark.parametrize("declare", [*BY_FINOPS, *BY_NO_PERSONA])
def test_the_operator_declares_everything(declare: Declaring) -> None:
    declare(SYSTEM)
    assert sum(declared()) > 0
