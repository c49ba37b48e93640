"""The identity provider by which people sign in, and of whom a second factor is demanded, as the environment states."""

from __future__ import annotations

from config.environment import Environment, EnvironmentVariableError
from governance.sign_in.engine.providers import PERSONAS, SUPERUSER, IdentityProvider, is_safe_address, parse_groups


def identity_provider(env: Environment) -> IdentityProvider | None:
    """None without WEIR_OIDC_ISSUER; EnvironmentVariableError, which names the variable, for what cannot work."""
    issuer = env.text("WEIR_OIDC_ISSUER")
    client_id, groups = env.text("WEIR_OIDC_CLIENT_ID"), env.text("WEIR_OIDC_GROUPS")
    if not issuer:
        for name, value in (("WEIR_OIDC_CLIENT_ID", client_id), ("WEIR_OIDC_GROUPS", groups)):
            if value:
                raise EnvironmentVariableError(name, "needs WEIR_OIDC_ISSUER beside it")
        return None
    if not is_safe_address(issuer):
        raise EnvironmentVariableError("WEIR_OIDC_ISSUER", f"must be an https address, not {issuer!r}")
    if not client_id:
        raise EnvironmentVariableError(
            "WEIR_OIDC_CLIENT_ID", "must name Weir as the provider at WEIR_OIDC_ISSUER knows it"
        )
    try:
        gives = parse_groups(groups)
    except ValueError as problem:
        raise EnvironmentVariableError("WEIR_OIDC_GROUPS", str(problem)) from None
    return IdentityProvider(
        issuer=issuer,
        client_id=client_id,
        client_secret=env.text("WEIR_OIDC_CLIENT_SECRET"),
        name=env.text("WEIR_OIDC_NAME", "your organisation"),
        scopes=tuple(env.words("WEIR_OIDC_SCOPES", ("openid", "email", "profile"))),
        groups_claim=env.text("WEIR_OIDC_GROUPS_CLAIM", "groups"),
        groups=gives,
        vouching=frozenset(env.words("WEIR_OIDC_SECOND_FACTOR", ("mfa",))),
    )


def second_factor(env: Environment) -> list[str]:
    """Personas, and `superuser`; EnvironmentVariableError for others."""
    demanded = env.words("WEIR_SECOND_FACTOR")
    for one in demanded:
        if one not in {SUPERUSER, *PERSONAS}:
            known = "superuser, engineering, finance, finops and platform"
            raise EnvironmentVariableError("WEIR_SECOND_FACTOR", f"must be of {known}, not {one}")
    return demanded


def passwords(env: Environment, provider: IdentityProvider | None) -> str:
    """Who may sign in by one; EnvironmentVariableError where that leaves others no way in."""
    allowed = env.choice("WEIR_PASSWORDS", "all", frozenset({"all", "superusers", "none"}))
    if allowed != "all" and provider is None:
        raise EnvironmentVariableError("WEIR_PASSWORDS", f"is {allowed}, so nobody else comes in: set WEIR_OIDC_ISSUER")
    return allowed
