from typing import Any

import pytest

from governance.documents import DocumentError
from governance.scopes.models import Scope
from tests.governance.declared_documents import SEARCH, scope


def test_a_typo_is_an_error_with_file_line_field_and_fix() -> None:
    with pytest.raises(DocumentError) as refused:
        scope(SEARCH.replace("criticality", "critcality"))
    assert refused.value.detail == (
        "scopes.yaml:9: spec.critcality: is not a field here; remove it or check its spelling"
    )


def test_documents_do_not_change(acme: Scope) -> None:
    document: Any = scope(SEARCH)
    with pytest.raises(ValueError, match="frozen"):
        document.spec.kind = "agent"
