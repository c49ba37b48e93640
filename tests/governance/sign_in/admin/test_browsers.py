import pytest
from django.test import RequestFactory

from governance.sign_in.admin.browsers import address_of


@pytest.mark.parametrize(
    ("peer", "stated", "is_behind_proxy", "wanted"),
    [
        pytest.param("", "1.2.3.4", False, "1.2.3.4", id="by the front"),
        pytest.param("", "6.6.6.6, 1.2.3.4", False, "1.2.3.4", id="what the front adds is last"),
        pytest.param("", "6.6.6.6, 1.2.3.4, 10.0.0.1", True, "1.2.3.4", id="by a proxy and the front"),
        pytest.param("1.2.3.4", "6.6.6.6", False, "1.2.3.4", id="without the front a header is nobody's word"),
        pytest.param("10.0.0.1", "6.6.6.6, 1.2.3.4", True, "1.2.3.4", id="by a proxy, without the front"),
        pytest.param("", "2001:db8:1:2:3:4:5:6", False, "2001:db8:1:2::/64", id="a network of IPv6"),
        pytest.param("", "", False, "", id="nobody says"),
    ],
)
def test_whoever_asks_is_known_by_what_our_own_proxies_say(
    settings: object, peer: str, stated: str, is_behind_proxy: bool, wanted: str
) -> None:
    settings.USE_X_FORWARDED_HOST = is_behind_proxy  # type: ignore[attr-defined]
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": stated} if stated else {})
    assert address_of(request) == wanted
