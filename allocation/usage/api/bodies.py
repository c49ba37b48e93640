"""What posting usage and outcomes share: the content type, the body, and who may send."""

from django.conf import settings
from rest_framework.request import Request

from governance.errors import Forbidden
from governance.people.models import ApiKey
from governance.rest.api import read_body


class NotASender(Forbidden):
    """Records are posted with an API key, not by a person."""

    code = "key_required"


def sender(request: Request) -> ApiKey:
    """The key of the request. Raises key_required for anyone but an API key."""
    if not isinstance(request.auth, ApiKey):
        raise NotASender("Usage is posted with an API key; its scope says where the usage may go.")
    return request.auth


def media_type(request: Request) -> str:
    """The content type in lower case and without parameters; empty for none."""
    return (request.content_type or "").partition(";")[0].strip().lower()


def body_of(request: Request) -> bytes:
    """The body, unpacked, of at most USAGE_BODY_BYTES_MAX bytes."""
    return read_body(request, settings.USAGE_BODY_BYTES_MAX)
