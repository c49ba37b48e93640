"""What must never be written into a document: a key says who may spend, and a document lies in Git."""

import re

# How the keys of providers and gateways, tokens and Weir's own keys begin. A hash or an id begins like none of them.
_BEGINNINGS = (
    r"sk-", r"sk_", r"rk_live_", r"AIza", r"gsk_", r"hf_", r"xai-", r"r8_", r"pplx-", r"nvapi-", r"xox[abeprs]-",
    r"gh[opsur]_", r"github_pat_", r"glpat-", r"ya29\.", r"eyJ", r"weir_[0-9a-f]{10}_", r"Bearer\s", r"-----BEGIN",
)  # fmt: skip
_BEGINS = re.compile(rf"\s*(?:{'|'.join(_BEGINNINGS)})", re.ASCII)
# Inside a sentence or a pattern only what is also as long as a key: `sk-*` may be the name of a team.
_HOLDS = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_BEGINNINGS)})[A-Za-z0-9_.+/=-]{{16,}}", re.ASCII)
ADVICE = "looks like a secret key; write the hash, alias or id that names the key, and never the key itself"


def begins_like_a_secret(value: str) -> bool:
    return _BEGINS.match(value) is not None


def holds_a_secret(text: str) -> bool:
    return _HOLDS.search(text) is not None
