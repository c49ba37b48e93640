"""An import of usage is withdrawn on its page."""

from decimal import Decimal

from django.test import Client

from allocation.usage.models import ImportRun
from governance.scopes.models import Scope
from tests.allocation.corrections.corrected_prices import costs
from tests.allocation.corrections.imported_calls import imported, person_of

__all__ = ["imported"]


def test_an_import_is_withdrawn_on_its_page(acme: Scope, search: Scope, imported: ImportRun, client: Client) -> None:
    page = f"/admin/allocation/importrun/{imported.pk}/change/"
    client.force_login(person_of(acme, "engineering"))
    assert client.post(page, {"withdrawal_reason": "Mine"}).status_code in {302, 403}
    assert costs(search) == [Decimal(3)] * 5
    client.force_login(person_of(acme, "finops"))
    shown = client.get(page).content
    assert (b'name="withdrawal_reason"' in shown, b'name="file_name"' in shown) == (True, False)
    assert client.post(page, {"withdrawal_reason": ""}).status_code == 200
    assert costs(search) == [Decimal(3)] * 5
    assert client.post(page, {"withdrawal_reason": "Sent twice"}).status_code == 302
    imported.refresh_from_db()
    assert (imported.withdrawal_reason, imported.withdrawn_by) == ("Sent twice", "finops@acme.example")
    assert costs(search) == [Decimal(0)] * 5
    assert b'name="withdrawal_reason"' not in client.get(page).content
