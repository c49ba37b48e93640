import pytest

from governance.documents import DocumentError
from tests.governance.declared_documents import SEARCH, scope


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("kind: team", "kind: squad", "spec.kind"),
        ("acme/search", "Acme/Search", "metadata.name"),
        ("acme/search", "acme//search", "metadata.name"),
        ("acme/search", "acme", ""),
        ("kind: team", "kind: organisation", ""),
        ("kind: team", "kind: team\n  currency: EUR", ""),
        ("kind: team", "kind: team\n  fiscal_year_starts: 4", ""),
        ("kind: team", "kind: team\n  fiscal_year_starts: 13", "spec.fiscal_year_starts"),
        ("weir/v1", "weir/v2", "apiVersion"),
        ("persona: finance", "persona: boss", "spec.owners[1].persona"),
        ("[approve_budget]", "[approve_all]", "spec.owners[1].rights[0]"),
        ("fay@example.com", "fay", "spec.owners[1].email"),
    ],
)
def test_a_scope_that_makes_no_sense_is_refused(old: str, new: str, field: str) -> None:
    with pytest.raises(DocumentError) as refused:
        scope(SEARCH.replace(old, new))
    assert refused.value.path == field
