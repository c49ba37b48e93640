"""One route table: health, the admin, the API and its documentation."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from budgets.requests.api import links
from budgets.slack import api as slack
from config import health
from governance.rest.api import no_such_route
from governance.sign_in.admin.pages import sign_in

API_APPS = ("governance", "allocation", "budgets", "policies")

handler500 = "config.failures.answered"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("admin/login/", sign_in),
    path("account/", include("governance.sign_in.admin.routes")),
    path("admin/", admin.site.urls),
    path("decide/<str:token>", links.decide_by_link, name="decision_link"),
    path("slack/interactions", slack.interactions, name="slack_interactions"),
    path("api/schema/", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", authentication_classes=[], permission_classes=[]),
        name="docs",
    ),
    *(path("api/v1/", include(f"{app}.urls")) for app in API_APPS),
    re_path(r"^api(?:/|$)", no_such_route),
]
