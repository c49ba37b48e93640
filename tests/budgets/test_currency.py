"""An organisation's currency is the unit of its stored figures: it does not change once there are some."""

import threading
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.urls import reverse

from allocation.billing_periods.operations import hold_periods
from budgets.approvals.operations import create_budget
from governance.organisations.documents import ScopeDocument
from governance.organisations.operations import apply_scope, change_scope
from governance.organisations.operations.scopes import CurrencyFixed
from governance.people.models import User
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import make_organisation
from tests.budgets.conftest import AT, SYSTEM, use

DOCUMENT = ScopeDocument.model_validate(
    {"apiVersion": "weir/v1", "kind": "Scope", "metadata": {"name": "acme"},
     "spec": {"kind": "organisation", "currency": "EUR"}}
)  # fmt: skip


@pytest.fixture
def acme(db: None) -> Scope:
    return make_organisation()


def by_operation(acme: Scope) -> None:
    change_scope(scope_id=acme.pk, changes={"currency": "EUR"}, actor=SYSTEM, at=AT)


def by_document(acme: Scope) -> None:
    del acme
    apply_scope(DOCUMENT, actor=SYSTEM, at=AT)


def used_below(acme: Scope) -> None:
    use(Scope.objects.get(path="acme/search"), "0.01")


def budgeted(acme: Scope) -> None:
    create_budget(scope=acme, amount=Decimal(100), actor=SYSTEM, at=AT)


Act = Callable[[Scope], None]


@pytest.mark.parametrize("change", [by_operation, by_document])
def test_without_figures_it_may_change(acme: Scope, change: Act) -> None:
    change(acme)
    acme.refresh_from_db()
    assert acme.currency == "EUR"


@pytest.mark.parametrize("change", [by_operation, by_document])
@pytest.mark.parametrize("store", [used_below, budgeted])
def test_with_usage_or_a_budget_it_stays(acme: Scope, store: Act, change: Act) -> None:
    store(acme)
    decided = DecisionRecord.objects.count()
    with pytest.raises(CurrencyFixed, match="acme counts in USD") as refused:
        change(acme)
    acme.refresh_from_db()
    assert (refused.value.code, refused.value.status, acme.currency) == ("currency_fixed", 409, "USD")
    assert DecisionRecord.objects.count() == decided


def test_another_organisations_figures_fix_nothing(acme: Scope) -> None:
    other = make_organisation("acme-2")
    use(other, "5")
    by_operation(acme)
    acme.refresh_from_db()
    assert acme.currency == "EUR"


def test_the_database_refuses_it_too(acme: Scope) -> None:
    used_below(acme)
    with pytest.raises(IntegrityError, match="currency is fixed"), transaction.atomic():
        Scope.objects.filter(pk=acme.pk).update(currency="EUR")
    Scope.objects.filter(pk=acme.pk).update(name="Acme", currency="USD")


def test_the_form_says_why(acme: Scope, client: Client) -> None:
    used_below(acme)
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    page = reverse("admin:governance_scope_change", args=[acme.pk])
    inline = {"ownerships-TOTAL_FORMS": "0", "ownerships-INITIAL_FORMS": "0"}
    form = {"name": "Acme", "practice": "finops_for_ai", "criticality": "standard", "labels": "{}", "currency": "EUR"}
    answer = client.post(page, {**form, **inline})
    assert answer.status_code == 200
    assert "acme counts in USD" in answer.content.decode()
    acme.refresh_from_db()
    assert (acme.currency, acme.name) == ("USD", "")


@pytest.mark.django_db(transaction=True)
def test_usage_that_is_being_counted_is_waited_for(acme: Scope) -> None:
    counting = threading.Event()

    def count() -> None:
        with transaction.atomic():
            hold_periods([acme.pk])
            counting.set()
            time.sleep(0.3)
            use(acme, "1")
        connections.close_all()

    thread = threading.Thread(target=count)
    thread.start()
    assert counting.wait(10)
    with pytest.raises(CurrencyFixed):
        by_operation(acme)
    thread.join()
