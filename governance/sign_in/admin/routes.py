"""The pages of one's own account. Of allauth's, those of second factors; nobody signs up, and mail changes nothing."""

from allauth.account import views
from django.urls import include, path
from django.views.generic import RedirectView

from governance.sign_in.admin import provider

urlpatterns = [
    path("sign-in/", RedirectView.as_view(pattern_name="admin:login", query_string=True), name="account_login"),
    path("sign-in/provider/", provider.begin, name="provider_begin"),
    path("sign-in/provider/again/", provider.begin_again, name="provider_begin_again"),
    path("sign-in/provider/callback/", provider.come_back, name="provider_come_back"),
    path("sign-out/", views.logout, name="account_logout"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("second-factor/", include("allauth.mfa.urls")),
]
