"""Which records of an agency a cluster holds, committed to before anybody approves.

The matcher draws a salt for each holding and publishes the commitment with its evidence. After the
quorum it tells the holder, and nobody else, salt and tokens. It can't name other tokens then, and
before then nobody can try tokens against the commitment.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from linkage.errors import VerificationError

SALT_BYTES = 32
TOKEN_BYTES = 16
_PREFIX = b"concord/1/holding\n"


def commit_tokens(salt: bytes, cluster: str, agency: str, tokens: Sequence[bytes]) -> str:
    """Return the commitment to an agency's tokens (16 bytes each) in a cluster, 64 hex digits.

    HMAC-SHA256 under the salt (32 bytes) over cluster, agency, and the tokens in order.
    """
    if len(salt) != SALT_BYTES or any(len(token) != TOKEN_BYTES for token in tokens):
        raise ValueError("a salt has 32 bytes and a token 16")
    message = _PREFIX + f"{cluster}\n{agency}\n".encode("ascii") + b"".join(sorted(tokens))
    return hmac.new(salt, message, hashlib.sha256).hexdigest()


def verify_tokens(
    commitment: str, salt: bytes, cluster: str, agency: str, tokens: Sequence[bytes]
) -> None:
    """Raise `VerificationError` unless these are the tokens that were committed to."""
    try:
        found = commit_tokens(salt, cluster, agency, tokens)
    except ValueError:
        found = ""
    if len(set(tokens)) != len(tokens) or not hmac.compare_digest(found, commitment):
        raise VerificationError(
            f"The matcher names other records of {agency!r} in the cluster {cluster[:8]} than it "
            "had committed to before anybody approved; release nothing, and tell the other parties."
        )
