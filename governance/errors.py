"""Refusals: each has a stable code and an HTTP status."""

from collections.abc import Mapping


class DomainError(Exception):
    """A refusal. `extra` is shown to the caller beside the sentence, so it holds no secrets."""

    code = "conflict"
    status = 409

    def __init__(self, detail: str, *, code: str | None = None, status: int | None = None, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.extra: Mapping[str, object] = extra

    def __str__(self) -> str:
        return self.detail


class Invalid(DomainError):
    """What was asked for can never be done as stated."""

    code = "invalid"
    status = 422


class NotFound(DomainError):
    """What is named does not exist, or may not be seen."""

    code = "not_found"
    status = 404


class Forbidden(DomainError):
    """The actor may see it but may not do this."""

    code = "permission_denied"
    status = 403


class PersonRequired(Forbidden):
    """Only a person who has signed in may decide, never a key."""

    code = "person_required"


class RightRequired(Forbidden):
    """The person lacks the decision right."""

    code = "right_required"


class ReasonMissing(Invalid):
    """What goes on record needs a reason."""

    code = "reason_missing"
