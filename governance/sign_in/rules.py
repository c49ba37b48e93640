"""What a password must not be, beside Django's own rules."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from governance.scopes.queries import scope_tree
from governance.sign_in.engine.passwords import why_guessable

PRODUCT = ("weir", "finops")


class GuessablePasswordValidator:
    """Refuses what is made of a common password, of keys in their order, or of a name that is known here: the
    product's, the address's, and those of organisations.
    """

    def __init__(self) -> None:
        self._common = frozenset(CommonPasswordValidator().passwords)

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """ValidationError with what is wrong."""
        del user
        if reason := why_guessable(password, self._common, words_near_here()):
            raise ValidationError(reason)

    def get_help_text(self) -> str:
        return "Your password can’t be made of a common one, of keys in a row, or of a name that is known here."


def words_near_here() -> tuple[str, ...]:
    """In lower case."""
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    tree = scope_tree()
    return (*PRODUCT, *host.split(".")[:-1], *(tree.by_id[root].path for root in tree.roots))
