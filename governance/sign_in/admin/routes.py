"""The pages of one's own account. Of allauth's, those of second factors; nobody signs up, and mail changes nothing."""

from allauth.account import views
from django.urls import include, path
from django.views.generic import RedirectView

from governance.sign_in.admin import provider, slack_accounts

urlpatterns = [
    path("sign-in/", RedirectView.as_view(pattern_name="admin:login", query_string=True), name="account_login"),
    path("sign-in/provider/", provider.begin, name="provider_begin"),
    path("sign-in/provider/again/", provider.begin_again, name="provider_begin_again"),
    path("sign-in/provider/callback/", provider.come_back, name="provider_come_back"),
    path("sign-out/", views.logout, name="account_logout"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("slack/", slack_accounts.slack_accounts, name="slack_accounts"),
    path("slack/link/<str:token>/", slack_accounts.link, name="slack_account_link"),
    path("slack/<int:account_id>/unlink/", slack_accounts.unlink, name="slack_account_unlink"),
    path("second-factor/", include("allauth.mfa.urls")),
]
