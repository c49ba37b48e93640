"""The identity provider as the environment states it: what cannot work is refused by the name of its variable."""

import pytest

from config.environment import Environment, EnvironmentVariableError
from config.identity import identity_provider, passwords, second_factor
from governance.sign_in.engine.providers import GroupGives, IdentityProvider

STATED = {"WEIR_OIDC_ISSUER": "https://id.example.com", "WEIR_OIDC_CLIENT_ID": "weir"}


def test_without_an_issuer_there_is_none() -> None:
    assert identity_provider(Environment({})) is None


def test_a_provider_is_stated_by_its_address_and_our_name_there() -> None:
    groups = {"WEIR_OIDC_GROUPS": "a=finance@acme", "WEIR_OIDC_SCOPES": "openid, email,groups"}
    assert identity_provider(Environment({**STATED, **groups})) == IdentityProvider(
        issuer="https://id.example.com", client_id="weir", client_secret="", name="your organisation",
        scopes=("openid", "email", "groups"), groups_claim="groups", groups=(GroupGives("a", "finance", "acme"),),
        vouching=frozenset({"mfa"}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"WEIR_OIDC_ISSUER": ""}, "WEIR_OIDC_CLIENT_ID needs WEIR_OIDC_ISSUER beside it."),
        (
            {"WEIR_OIDC_ISSUER": "http://id.example.com"},
            "WEIR_OIDC_ISSUER must be an https address, not 'http://id.example.com'.",
        ),
        (
            {"WEIR_OIDC_CLIENT_ID": ""},
            "WEIR_OIDC_CLIENT_ID must name Weir as the provider at WEIR_OIDC_ISSUER knows it.",
        ),
        (
            {"WEIR_OIDC_GROUPS": "a=boss@acme"},
            "WEIR_OIDC_GROUPS must give engineering, finance, finops, platform or superuser to 'a', not 'boss'.",
        ),
    ],
)
def test_what_cannot_work_names_its_variable(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(EnvironmentVariableError) as refused:
        identity_provider(Environment({**STATED, **changes}))
    assert str(refused.value) == f"The environment variable {sentence}"


def test_a_second_factor_is_demanded_of_whom_there_is() -> None:
    assert second_factor(Environment({"WEIR_SECOND_FACTOR": "finance, superuser"})) == ["finance", "superuser"]
    with pytest.raises(EnvironmentVariableError, match=r"WEIR_SECOND_FACTOR must be of superuser.*not bosses"):
        second_factor(Environment({"WEIR_SECOND_FACTOR": "bosses"}))


def test_passwords_are_not_closed_without_another_way_in() -> None:
    assert passwords(Environment({}), None) == "all"
    with pytest.raises(EnvironmentVariableError, match="set WEIR_OIDC_ISSUER"):
        passwords(Environment({"WEIR_PASSWORDS": "none"}), None)
    assert passwords(Environment({"WEIR_PASSWORDS": "none"}), identity_provider(Environment(STATED))) == "none"
