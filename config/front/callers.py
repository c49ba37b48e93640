"""Who asks, as far as the front knows, and what is refused from the head of a request, before its body is read."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from math import ceil
from time import monotonic
from urllib.parse import unquote_to_bytes

from config.front.heads import Header, value_of
from config.front.limits import STRANGERS_BODY_BYTES_MAX
from config.front.rates import Rate
from config.front.turns import SIGNING_IN
from governance.people.engine import key_identity
from policies.decisions.engine.answers import PATH, Answer, bearer_of, refusal, refused_as_problem
from policies.decisions.engine.snapshot import KeyLine, Snapshot
from policies.decisions.errors import KeyRefused

API = b"/api/"
# Posts with a limit of their own, however many bytes a command may have.
USAGE = (b"/api/v1/usage", b"/api/v1/otlp/", b"/api/v1/outcomes")
DECISIONS = PATH.encode()
# Where passwords are tried, and codes of second factors.
SIGN_IN = frozenset(
    {
        b"/admin/login", b"/account/second-factor/authenticate", b"/account/second-factor/reauthenticate",
        b"/account/reauthenticate",
    }
)  # fmt: skip
# Where a sign-in by the identity provider begins. It is counted as one, and waits for no password.
PROVIDER = frozenset({b"/account/sign-in/provider", b"/account/sign-in/provider/again"})
BASIC = b"basic "
# By its two names: behind TLS browsers know it as one of this host.
SESSION = (b"sessionid=", b"__Host-sessionid=")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operator may set (README, "Settings")."""

    key_per_s: int = 20_000
    person_per_s: int = 50
    address_per_s: int = 200
    sign_in_per_min: int = 10
    usage_bytes_max: int = 32 * 1024 * 1024
    command_bytes_max: int = 1024 * 1024
    form_bytes_max: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Caller:
    """``party`` is whose share it is: an organisation's id, or an address without a key that is known. ``session`` is
    what a browser shows; whether it is one, a web process knows.
    """

    address: bytes
    party: Hashable
    key: KeyLine | None
    shows_key: bool
    session: bytes


class Callers:
    """The rates of every caller, and the keys by the snapshot."""

    def __init__(self, snapshot: Snapshot, limits: Limits, *, stale_after_s: float, is_behind_proxy: bool) -> None:
        self._snapshot, self.limits, self._is_behind_proxy = snapshot, limits, is_behind_proxy
        self._stale_after_s = stale_after_s
        # As much again at once as in a second; people come with a page's pictures and scripts, and then pause.
        self._keys = Rate(limits.key_per_s, limits.key_per_s)
        self._people = Rate(limits.person_per_s, 10 * limits.person_per_s)
        self._addresses = Rate(limits.address_per_s, 5 * limits.address_per_s)
        self._sign_ins = Rate(limits.sign_in_per_min / 60, limits.sign_in_per_min)
        # By the hash of the header, so that no key is kept.
        self._known: dict[int, KeyLine] = {}

    def caller(self, method: bytes, target: bytes, headers: list[Header], peer: bytes) -> Caller:
        """Whose request it is by its head."""
        authorization = value_of(headers, b"authorization")
        key = self._key(authorization) if authorization else None
        address = self._address(headers, peer)
        party: Hashable = address if key is None else self._organisation(key)
        if is_sign_in(method, target):
            party = SIGNING_IN
        return Caller(address, party, key, bool(authorization), _session_in(value_of(headers, b"cookie")))

    def refused_from_head(self, caller: Caller, target: bytes, headers: list[Header], now: float) -> Answer | None:
        """Why nothing more of the request is read: too many of them, no key where one is needed, or a body that is
        larger than any there may be.
        """
        path = target.partition(b"?")[0]
        if wait_s := self._wait_s(caller, target, now):
            return too_many(path, wait_s)
        if not has_body(headers) or path.startswith(DECISIONS):
            # A question's few bytes are read before its key, from memory both.
            return None
        if path.startswith(API) and not caller.shows_key and not caller.session:
            nobody = KeyRefused("Authentication credentials were not provided.", code="not_authenticated")
            return refused_as_problem(nobody, path.decode("latin-1"))
        length, most = value_of(headers, b"content-length"), self.body_bytes_max(caller, path)
        return body_too_large(path, most) if length.isdigit() and int(length) > most else None

    def _wait_s(self, caller: Caller, target: bytes, now: float) -> float:
        if caller.party == SIGNING_IN or _page(target) in PROVIDER:
            return self._sign_ins.take(caller.address, now)
        if caller.key is not None:
            return self._keys.take(caller.key.id, now)
        wait_s = self._addresses.take(caller.address, now)
        if not wait_s and caller.session:
            wait_s = self._people.take(caller.session, now)
        return wait_s

    def body_bytes_max(self, caller: Caller, path: bytes) -> int:
        """Of the largest body that may be sent to the path."""
        if path.startswith(USAGE):
            return self.limits.usage_bytes_max
        if path.startswith(API):
            return self.limits.command_bytes_max
        return self.limits.form_bytes_max if caller.session else STRANGERS_BODY_BYTES_MAX

    def is_doubtful(self, caller: Caller, target: bytes, headers: list[Header]) -> bool:
        """Whether the key must be looked for before the body is read. While the snapshot is too old, or was never read,
        the web processes tell.
        """
        return (
            caller.shows_key and caller.key is None and not caller.session
            and target.startswith(API) and not target.startswith(DECISIONS) and has_body(headers)
            and self._is_current()
        )  # fmt: skip

    def _is_current(self) -> bool:
        read_at = self._snapshot.read_at
        return read_at is not None and monotonic() - read_at <= self._stale_after_s

    def has_read_since(self, since: float) -> bool:
        """Whether the snapshot is of a later instant than this one of `time.monotonic`."""
        return (self._snapshot.read_at or float("-inf")) > since

    def key_refused(self, target: bytes) -> Answer:
        """The key is not known."""
        return refused_as_problem(KeyRefused(), target.partition(b"?")[0].decode("latin-1"))

    def knows(self, headers: list[Header]) -> bool:
        """Whether the key is known by now."""
        return self._key(value_of(headers, b"authorization")) is not None

    def sweep(self, now: float) -> None:
        """Forget who has not asked for long."""
        for rate in (self._keys, self._people, self._addresses, self._sign_ins):
            rate.sweep(now)
        if len(self._known) > 10_000:  # noqa: PLR2004
            self._known.clear()

    def _key(self, authorization: bytes) -> KeyLine | None:
        """The valid key that the header shows."""
        number, at = hash(authorization), datetime.now(UTC)
        known = self._known.get(number)
        if known is not None and self._snapshot.by_prefix.get(known.prefix) is known:
            return known if known.valid_at(at) else None
        identity = key_identity(_shown(authorization))
        if identity is None:
            return None
        prefix, digest = identity
        key = self._snapshot.by_prefix.get(prefix)
        if key is None or not hmac.compare_digest(key.digest, digest) or not key.valid_at(at):
            return None
        self._known[number] = key
        return key

    def _organisation(self, key: KeyLine) -> Hashable:
        scope = self._snapshot.scopes.get(key.scope_id)
        root = None if scope is None else self._snapshot.by_path.get(scope.path.partition("/")[0])
        return key.scope_id if root is None else root.id

    def _address(self, headers: list[Header], peer: bytes) -> bytes:
        """The client's; of IPv6 the network of 64 bits, which one client has whole."""
        address = peer
        if self._is_behind_proxy:
            stated = [value for name, value in headers if name == b"x-forwarded-for"]
            address = stated[-1].rpartition(b",")[2].strip() if stated else peer
        if b":" not in address:
            return address
        try:
            return ip_address(address.decode("latin-1").partition("%")[0]).packed[:8]
        except ValueError:
            return peer


def _shown(authorization: bytes) -> str:
    """The key in a header, whichever way it is shown; nothing where there is none."""
    if authorization[: len(BASIC)].lower() == BASIC:
        try:
            return base64.b64decode(authorization[len(BASIC) :].strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    try:
        return bearer_of(authorization.decode("latin-1"))
    except KeyRefused:
        return ""


def _session_in(cookies: bytes) -> bytes:
    return (
        next((one.strip() for one in cookies.split(b";") if one.strip().startswith(SESSION)), b"") if cookies else b""
    )


def is_sign_in(method: bytes, target: bytes) -> bool:
    """Whether a password or a code is tried. Whatever a web process could take for the page is."""
    return method == b"POST" and _page(target) in SIGN_IN


def _page(target: bytes) -> bytes:
    return unquote_to_bytes(target.partition(b"?")[0]).rstrip(b"/")


def has_body(headers: list[Header]) -> bool:
    """Whether a body follows the head."""
    return value_of(headers, b"content-length") not in {b"", b"0"} or bool(value_of(headers, b"transfer-encoding"))


def too_many(path: bytes, wait_s: float) -> Answer:
    """With when to come again."""
    seconds = max(ceil(wait_s), 1)
    return refusal(
        status=429, code="too_many_requests", path=path.decode("latin-1"),
        detail=f"These are too many requests at once. Try again in {seconds} s.",
        headers=(("Retry-After", str(seconds)),),
    )  # fmt: skip


def body_too_large(path: bytes, most: int) -> Answer:
    """As a web process says it."""
    return refusal(
        status=413, code="body_too_large", path=path.decode("latin-1"),
        detail=f"The body is larger than {most:,} bytes.", max_bytes=most,
    )  # fmt: skip
