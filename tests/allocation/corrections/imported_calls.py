"""An import of two calls at $1 and $2, and whoever may withdraw it."""

import json
from pathlib import Path

import pytest

from allocation.usage.importers.files import ImportRequest, import_file
from allocation.usage.models import ImportRun
from governance.people.models import Ownership, User
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, document


@pytest.fixture
def imported(acme: Scope, tmp_path: Path) -> ImportRun:
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(json.dumps(document(cost=cost)) for cost in ("1", "2")))
    return import_file(ImportRequest(path=path, source_format="native", scope_id=acme.pk), now=lambda: AT)


def person_of(scope: Scope, persona: str) -> User:
    user = User.objects.create_user(f"{persona}@{scope.slug}.example", "a long password", is_staff=True)
    Ownership.objects.create(scope=scope, user=user, persona=persona)
    return user
