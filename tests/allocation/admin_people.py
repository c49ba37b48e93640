from django.test import Client

from governance.people.models import Ownership, User
from governance.scopes.models import Scope


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def person(email: str, persona: str, *scopes: Scope) -> User:
    user = User.objects.create_user(email, "a long password", is_staff=True)
    for scope in scopes:
        Ownership.objects.create(scope=scope, user=user, persona=persona)
    return user
