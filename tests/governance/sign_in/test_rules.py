import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from governance.scopes.models import Scope
from governance.sign_in.rules import words_near_here


def test_names_that_are_known_here_are_no_passwords(acme: Scope, globex: Scope, settings: object) -> None:
    settings.PUBLIC_URL = "https://costs.example.com"  # type: ignore[attr-defined]  # pytest-django's
    assert words_near_here() == ("weir", "finops", "costs", "example", "acme", "globex")
    with pytest.raises(ValidationError, match="It holds 'globex'"):
        validate_password("the globex money")
    validate_password("the others' money")


def test_djangos_list_is_looked_up_without_what_was_added(db: None) -> None:
    with pytest.raises(ValidationError, match="with something added"):
        validate_password("Liverpool-2026!")
