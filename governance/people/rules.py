"""Who may do what: predicates shared by the API, the admin and operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from django.apps import apps
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from governance.errors import Forbidden
from governance.people.engine import ALL, AppRights, api_writes_of, changes_of
from governance.people.models import ApiKey, DecisionRight, KeyPermission, Ownership, Persona, User
from governance.scopes.engine import is_at_or_below, lineage_of, outermost
from governance.scopes.models import Scope

# A key is not a person: it can hold the rights of daily work, never the right to approve money.
RIGHTS_OF_PERSONS = frozenset({DecisionRight.APPROVE_BUDGET, DecisionRight.GRANT_IN_EMERGENCY})
RIGHT_OF_KEY: Mapping[str, KeyPermission] = {
    DecisionRight.ACKNOWLEDGE: KeyPermission.ALERTS_WRITE,
    DecisionRight.CONSTRAIN_DEMAND: KeyPermission.GUARDRAILS_WRITE,
}


@dataclass(frozen=True)
class Actor:
    """Who acts: exactly one of a person, a key, or the installation itself (`Actor.system`). One without any of them
    sees nothing.
    """

    label: str
    user: User | None = None
    key: ApiKey | None = None
    is_system: bool = field(default=False, kw_only=True)
    # Of the installation: who runs the command, as a person known here and by the name they go by.
    run_by: User | None = field(default=None, kw_only=True)
    stated_name: str = field(default="", kw_only=True)
    # A right, and the scope at and below which somebody's rule or absence lets the person use it.
    entrusted: tuple[str, str] | None = field(default=None, kw_only=True)

    @classmethod
    def of_user(cls, user: User) -> Actor:
        """A person, named by email address."""
        return cls(label=user.email, user=user)

    @classmethod
    def of_key(cls, key: ApiKey) -> Actor:
        """A key, named by its prefix."""
        return cls(label=f"key {key.prefix}", key=key)

    @classmethod
    def system(cls, label: str = "weir", *, run_by: User | None = None, stated_name: str = "") -> Actor:
        """The installation itself: tasks, and commands that somebody runs."""
        return cls(label=label, is_system=True, run_by=run_by, stated_name=stated_name)

    def entrusted_with(self, right: str, path: str, *, label: str = "") -> Actor:
        """The same person, who holds the right at and below the scope for what is done with this actor, and is
        recorded by `label`. Whoever calls it has asked whether they may.
        """
        return replace(self, entrusted=(right, path), label=label or self.label)

    @property
    def person(self) -> User | None:
        """Who answers for what is proposed: the person, the owner of the key, or who runs the command where they are
        known here.
        """
        if self.user is not None:
            return self.user
        return self.key.created_by if self.key is not None else self.run_by

    @property
    def sees_everything(self) -> bool:
        """For the installation and for active superusers."""
        return self.is_system or (self.user is not None and self.user.is_active and self.user.is_superuser)

    @cached_property
    def visible_paths(self) -> tuple[str, ...]:
        """The tops of the subtrees this actor may see; without meaning when `sees_everything`."""
        if self.key is not None:
            return (self.key.scope.path,)
        if self.user is None or not self.user.is_active:
            return ()
        owned = Ownership.objects.of(self.user.pk).values_list("scope__path", flat=True)
        return outermost(sorted(set(owned)))

    def sees(self, path: str) -> bool:
        """Whether the scope at `path` may be seen."""
        return self.sees_everything or any(is_at_or_below(path, top) for top in self.visible_paths)

    def may(self, right: str, scope: Scope) -> bool:
        """As `has_right`."""
        return has_right(self, right, scope)

    def may_change(self, model: str, path: str) -> bool:
        """Whether `model`, such as "governance.apikey", may be changed at `path`: by a persona held at or above it.
        Somebody of the platform in one organisation, who only looks on in another, makes no keys there.
        """
        if self.sees_everything:
            return True
        if self.user is None or not self.user.is_active:
            return False
        app, _, name = model.partition(".")
        if ModelBackend().has_perm(self.user, f"{app}.change_{name}"):
            return self.sees(path)
        owned = Ownership.objects.of(self.user.pk).filter(scope__path__in=lineage_of(path))
        return persona_allows(frozenset(owned.values_list("persona", flat=True)), f"{app}.change_{name}")


def check_sees(actor: Actor, path: str) -> None:
    """Raises Forbidden for a scope that the actor may not see."""
    if not actor.sees(path):
        raise _no_say(actor, path)


def check_may_change(actor: Actor, model: str, path: str) -> None:
    """Raises Forbidden unless the actor may change `model`, such as "allocation.pricebook", at `path`."""
    if not actor.may_change(model, path):
        raise _no_say(actor, path)


def check_operates(actor: Actor) -> None:
    """Raises Forbidden for everybody who does not operate the whole installation."""
    if not actor.sees_everything:
        raise Forbidden(f"{actor.label} has no say over the whole installation.")


def check_manages(actor: Actor, user: User) -> None:
    """Raises Forbidden for everybody who may not change the person: superusers are changed by superusers only."""
    if actor.sees_everything:
        return
    if actor.user is None or user.is_superuser or not actor.user.has_perm("governance.change_user"):
        raise _no_say(actor, user.email)


def check_ends_session(actor: Actor, user: User) -> None:
    """Raises Forbidden for everybody but the person and who manages them."""
    if actor.user is None or actor.user.pk != user.pk:
        check_manages(actor, user)


def check_manages_groups(actor: Actor) -> None:
    """Raises Forbidden for everybody who may not change groups, and so what their members may do."""
    if not actor.sees_everything and (actor.user is None or not actor.user.has_perm("auth.change_group")):
        raise _no_say(actor, "groups")


def _no_say(actor: Actor, path: str) -> Forbidden:
    return Forbidden(f"{actor.label} has no say over {path}.")


def has_right(actor: Actor, right: str, scope: Scope) -> bool:
    """Whether `actor` holds the decision right over `scope`, by owning it or a scope above it. A key holds the rights
    of RIGHT_OF_KEY, the installation all but those over money.
    """
    if actor.key is not None:
        permission = RIGHT_OF_KEY.get(right)
        return permission is not None and actor.key.has_permission(permission) and actor.sees(scope.path)
    if actor.user is None:
        return actor.is_system and right not in RIGHTS_OF_PERSONS
    if not actor.user.is_active:
        return False
    if actor.user.is_superuser:
        return True
    if actor.entrusted is not None and actor.entrusted[0] == right and is_at_or_below(scope.path, actor.entrusted[1]):
        return True
    held = Ownership.objects.of(actor.user.pk).filter(decision_right=right, scope__path__in=lineage_of(scope.path))
    return held.exists()


@cache
def rights_of_apps() -> Mapping[str, AppRights]:
    """The rights that each app declares, by its label."""
    declared = {config.label: getattr(config, "rights", None) for config in apps.get_app_configs()}
    return {label: rights for label, rights in declared.items() if isinstance(rights, AppRights)}


DEFAULT_RIGHTS: Mapping[str, tuple[DecisionRight, ...]] = {
    Persona.ENGINEERING: (DecisionRight.ACKNOWLEDGE,),
    Persona.FINANCE: (DecisionRight.APPROVE_BUDGET, DecisionRight.SET_UNIT_COST),
    Persona.FINOPS: (DecisionRight.SET_UNIT_COST, DecisionRight.CONSTRAIN_DEMAND, DecisionRight.ACKNOWLEDGE),
    Persona.PLATFORM: (DecisionRight.CONSTRAIN_DEMAND, DecisionRight.ACKNOWLEDGE),
}


def has_finance_rights(user: User) -> bool:
    """Whether the person decides on money: a superuser, who may be one of finance, or who approves budgets."""
    return user.is_superuser or any(
        persona == Persona.FINANCE or right == DecisionRight.APPROVE_BUDGET for persona, right in _held(user)
    )


def personas(user: User) -> frozenset[str]:
    """The personas a person has on any scope; read once for each request."""
    return frozenset(persona for persona, _ in _held(user))


def _held(user: User) -> frozenset[tuple[str, str]]:
    """Persona and decision right of all that the person owns."""
    known: frozenset[tuple[str, str]] | None = getattr(user, "_ownerships", None)
    if known is None:
        known = frozenset(Ownership.objects.of(user.pk).values_list("persona", "decision_right"))
        user._ownerships = known  # type: ignore[attr-defined]  # noqa: SLF001  # Django caches permissions so, too.
    return known


def persona_allows(held: frozenset[str], permission: str) -> bool:
    """Whether one of the personas has `permission`, written as Django does: `app.verb_model`. Personas look at
    everything but what is the installation's, and change what their apps declare.
    """
    app, _, codename = permission.partition(".")
    verb, _, model = codename.partition("_")
    declared = rights_of_apps()
    if app not in declared or not held:
        return False
    if verb == "view":
        return model not in declared[app].operated
    return any(changes_of(declared, persona) & {f"{app}.{model}", f"{app}.{ALL}"} for persona in held)


class PersonaBackend(BaseBackend):
    """Admin permissions that follow from ownership, so that they are not kept in a second place."""

    def has_perm(self, user_obj: AbstractBaseUser | AnonymousUser, perm: str, obj: object = None) -> bool:
        del obj
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        return persona_allows(personas(user_obj), perm)

    def has_module_perms(self, user_obj: AbstractBaseUser | AnonymousUser, app_label: str) -> bool:
        return self.has_perm(user_obj, f"{app_label}.view_any")


def person_may_use(user: User, permission: KeyPermission) -> bool:
    """Whether a person signed in may use what a key needs `permission` for. They see their own scopes only."""
    if not user.is_active:
        return False
    if user.is_superuser:
        return True
    held = personas(user)
    if permission.value.endswith(":read"):
        return bool(held)
    return any(permission in api_writes_of(rights_of_apps(), persona) for persona in held)
