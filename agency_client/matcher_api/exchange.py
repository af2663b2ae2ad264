"""The files beside an agreement, fetched from a matcher and handed in to it.

What is fetched is verified where it is used, as a file from anybody is; signatures are verified
before they are written, so that a bad one never takes the place of a good one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agency_client.linkage_secrets import CreatedSecret, commitment_path, sealed_path

if TYPE_CHECKING:
    from agency_client.matcher_api.api import MatcherApi
from agency_client.outputs import write_alone
from agency_client.signatures import signature_path
from linkage.errors import ConflictError, NotReadyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.standing import verify_agreement_signature


def fetch_signatures(api: MatcherApi, agreement: Agreement, file: Path) -> list[str]:
    """Write the signatures that aren't beside the agreement yet; return whose they are."""
    digest = agreement.digest()
    fetched = []
    for party in api.signatures(digest).signed:
        path = signature_path(file, party)
        if path.exists():
            continue
        content = api.signature(digest, party)
        if verify_agreement_signature(content, f"What came for {path.name}", agreement) != party:
            raise VerificationError(f"The matcher gave another signature for that of {party!r}.")
        write_alone(path, content)
        fetched.append(party)
    return fetched


def fetch_secret(api: MatcherApi, agreement: Agreement, file: Path, party: str) -> None:
    """Write the commitment, and the secret sealed to ``party``, beside ``file``.

    Raises `NotReadyError` while either isn't there.
    """
    digest = agreement.digest()
    commitment, sealed = api.commitment(digest), api.sealed_secret(digest)
    if commitment is None or sealed is None:
        raise NotReadyError(
            "The secret hasn't been sealed to you yet; the agency that makes it runs "
            "'agency-client secret create'."
        )
    write_alone(commitment_path(file), commitment)
    write_alone(sealed_path(file, party), sealed)


def send_secret(api: MatcherApi, agreement: Agreement, made: CreatedSecret) -> list[str]:
    """Hand in the commitment and the sealed secrets; return to whom one was sealed anew.

    Sealing is never the same twice, so whoever has one already, from an earlier try, keeps that: it
    is the same secret, since it fits the same commitment.
    """
    digest = agreement.digest()
    api.commit(digest, made.commitment_file.read_bytes())
    sent = []
    for party, path in made.sealed.items():
        try:
            api.deliver(digest, party, path.read_bytes())
            sent.append(party)
        except ConflictError:
            continue
    return sent
