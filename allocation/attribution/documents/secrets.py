"""Recognises secret keys, which must never be written into a document: a key lets its holder spend, and documents are
kept in Git.
"""

import re

# Prefixes of provider, gateway and Weir keys and of tokens. No hash or id begins like this.
_BEGINNINGS = (
    r"sk-", r"sk_", r"rk_live_", r"AIza", r"gsk_", r"hf_", r"xai-", r"r8_", r"pplx-", r"nvapi-", r"xox[abeprs]-",
    r"gh[opsur]_", r"github_pat_", r"glpat-", r"ya29\.", r"eyJ", r"weir_[0-9a-f]{10}_", r"Bearer\s", r"-----BEGIN",
)  # fmt: skip
_BEGINS = re.compile(rf"\s*(?:{'|'.join(_BEGINNINGS)})", re.ASCII)
# Inside a longer text a prefix counts only when a text as long as a key follows: `sk-*` may be a team's name.
_HOLDS = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_BEGINNINGS)})[A-Za-z0-9_.+/=-]{{16,}}", re.ASCII)
ADVICE = "looks like a secret key; write the hash, alias or id that names the key, and never the key itself"


def begins_like_a_secret(value: str) -> bool:
    """Whether the whole value begins like a secret key, after leading blanks."""
    return _BEGINS.match(value) is not None


def holds_a_secret(text: str) -> bool:
    """Whether the text contains something that begins like a secret key and is as long as one."""
    return _HOLDS.search(text) is not None
