"""What a matcher can be asked, as calls."""

from __future__ import annotations

from typing import IO

from pydantic import TypeAdapter

from agency_client.log_witness import witness_signer
from agency_client.matcher_api.connection import Connection
from linkage.errors import MissingError
from linkage.protocol.replies import (
    AgreementList,
    RoundList,
    RoundState,
    SignatureList,
    parse_reply,
)
from linkage.protocol.result import RunResult, parse_result
from linkage.protocol.run_replies import RunList
from linkage.protocol.upload import UploadState

_AGREEMENTS = TypeAdapter(AgreementList)
_SIGNATURES = TypeAdapter(SignatureList)
_ROUNDS = TypeAdapter(RoundList)
_ROUND = TypeAdapter(RoundState)
_UPLOAD = TypeAdapter(UploadState)
_RUNS = TypeAdapter(RunList)


class MatcherApi:
    """The endpoints of a matcher. Bytes are returned as the matcher has them: verify them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def agreements(self) -> AgreementList:
        """Return the agreements of which this party is one."""
        return parse_reply(_AGREEMENTS, self._get("/v1/agreements"), "The list of agreements")

    def signatures(self, digest: str) -> SignatureList:
        """Return who has signed an agreement."""
        content = self._get(f"/v1/agreements/{digest}/signatures")
        return parse_reply(_SIGNATURES, content, "The list of signatures")

    def signature(self, digest: str, party: str) -> bytes:
        """Return a party's signature."""
        return self._get(f"/v1/agreements/{digest}/signatures/{party}")

    def sign(self, digest: str, party: str, content: bytes) -> None:
        """Hand in this party's signature."""
        self._put(f"/v1/agreements/{digest}/signatures/{party}", content)

    def commitment(self, digest: str) -> bytes | None:
        """Return the commitment to the epoch's secret, None if there is none yet."""
        return self._get_or_none(f"/v1/agreements/{digest}/secret/commitment")

    def commit(self, digest: str, content: bytes) -> None:
        """Hand in the commitment to the epoch's secret."""
        self._put(f"/v1/agreements/{digest}/secret/commitment", content)

    def sealed_secret(self, digest: str) -> bytes | None:
        """Return the secret as it was sealed to this party, None if it wasn't yet."""
        return self._get_or_none(f"/v1/agreements/{digest}/secret/envelope")

    def deliver(self, digest: str, recipient: str, content: bytes) -> None:
        """Hand in the secret sealed to another agency."""
        self._put(f"/v1/agreements/{digest}/secret/envelopes/{recipient}", content)

    def rounds(self, digest: str) -> RoundList:
        """Return the rounds that are open."""
        content = self._get(f"/v1/agreements/{digest}/rounds")
        return parse_reply(_ROUNDS, content, "The list of rounds")

    def round_state(self, digest: str, number: int) -> RoundState:
        """Return how the handshake of a round stands."""
        content = self._get(f"/v1/agreements/{digest}/rounds/{number}")
        return parse_reply(_ROUND, content, "The state of the round")

    def answer(self, digest: str, number: int, content: bytes) -> RoundState:
        """Hand in this agency's answers; return how the handshake stands with them."""
        path = f"/v1/agreements/{digest}/rounds/{number}/answers"
        return parse_reply(_ROUND, self._put(path, content), "The state of the round")

    def upload(self, digest: str, number: int) -> UploadState | None:
        """Return this agency's upload in a round, None if there is none."""
        content = self._get_or_none(f"/v1/agreements/{digest}/rounds/{number}/upload")
        return None if content is None else parse_reply(_UPLOAD, content, "The upload's state")

    def runs(self, digest: str) -> RunList:
        """Return the runs of an agreement, the newest first."""
        content = self._get(f"/v1/agreements/{digest}/runs")
        return parse_reply(_RUNS, content, "The list of runs")

    def result(self, digest: str, run: str) -> RunResult | None:
        """Return this agency's result of a finished run, None if it took no part in it."""
        content = self._get_or_none(f"/v1/agreements/{digest}/runs/{run}/result")
        return None if content is None else parse_result(content, "The run's result")

    def bundle(self, sink: IO[bytes]) -> None:
        """Write the whole log to ``sink``, unverified."""
        self.connection.send("GET", "/v1/log/bundle", sink=sink)

    def witness(self, time: int) -> int:
        """Cosign the checkpoint that is pinned, at POSIX seconds ``time``; return its size."""
        trusted = self.connection.log.pinned
        line = trusted.cosign(witness_signer(self.connection.store), time)
        note = trusted.pinned_note.with_signatures(line)
        self.connection.send("POST", "/v1/log/cosignatures", note.to_bytes())
        return trusted.pinned.size

    def _get(self, path: str) -> bytes:
        return self.connection.send("GET", path).content

    def _get_or_none(self, path: str) -> bytes | None:
        try:
            return self._get(path)
        except MissingError:
            return None

    def _put(self, path: str, body: bytes) -> bytes:
        return self.connection.send("PUT", path, body).content
