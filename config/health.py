"""Is it alive, and is it ready? Plain views: they must answer when everything else is broken."""

from django.http import HttpRequest, JsonResponse


def alive(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "alive"})


def ready(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ready"})
