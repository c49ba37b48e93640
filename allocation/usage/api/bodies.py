from django.conf import settings
from rest_framework.request import Request

from governance.errors import Forbidden
from governance.rest.api import read_body


class NotASender(Forbidden):
    code = "key_required"


def media_type(request: Request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()


def body_of(request: Request) -> bytes:
    return read_body(request, settings.USAGE_BODY_BYTES_MAX)
