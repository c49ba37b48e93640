"""What may go wrong on purpose: every refusal carries a stable code and an HTTP status."""

from collections.abc import Mapping


class DomainError(Exception):
    """A refusal. `extra` is shown to the caller beside the sentence, so it must hold no secret."""

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
    code = "invalid"
    status = 422


class NotFound(DomainError):
    code = "not_found"
    status = 404


class Forbidden(DomainError):
    code = "permission_denied"
    status = 403


class PersonRequired(Forbidden):
    """A decision is for a person who has signed in, never for a key."""

    code = "person_required"


class RightRequired(Forbidden):
    """The person lacks a decision right, or the right lies with somebody else."""

    code = "right_required"


class ReasonMissing(Invalid):
    """What goes on record needs a reason."""

    code = "reason_missing"
