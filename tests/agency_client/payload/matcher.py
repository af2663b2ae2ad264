"""A matcher that takes payload, behind a connection that breaks when a test says so."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace

from agency_client.matcher_api.connection import Answer
from linkage.audit.events import AgreementReference, event_bytes
from linkage.audit.merkle import leaf_hash
from linkage.errors import MissingError, UnavailableError
from linkage.protocol.canonical import decode_base64
from linkage.protocol.cohort.messages import digest_of, verify_payload_manifest
from linkage.protocol.cohort.payload import require_piece
from linkage.protocol.cohort.persons import verify_blinding
from linkage.protocol.upload import receipt_bytes
from linkage.receipts import PAYLOAD_KIND, payload_counts
from tests.linkage.audit.made_up import LOG, LyingLog, event


class Connection:
    """One agency's connection; ``breaks_at`` is the number of the request whose answer is lost."""

    def __init__(self, agreement, agency):
        self.agreement = agreement
        self.agency = agency
        self.place = SimpleNamespace(log_key=LOG.verifier)
        self.pieces, self.manifests, self.keys, self.held = {}, {}, {}, []
        self.requests, self.breaks_at = 0, None

    def hold_against(self, note):
        self.held.append(note)

    def send(self, method, path, body=None):
        self.requests += 1
        start = f"/v1/agreements/{self.agreement.digest()}/rounds/2/payload/"
        assert path.startswith(start)
        analyst, _, rest = path.removeprefix(start).partition("/")
        try:
            return Answer(self._answer(method, analyst, rest, body))
        finally:
            if self.requests == self.breaks_at:
                raise UnavailableError("The connection broke off.")

    def _answer(self, method, analyst, rest, body):
        if (method, rest) == ("GET", ""):
            return self._state(analyst)
        if (method, rest) == ("POST", "commit"):
            return self._commit(analyst, json.loads(body))
        assert method == "PUT"
        number = int(rest.removeprefix("pieces/"))
        require_piece(body, self.agreement, 2, number, self.agency.name, analyst)
        self.pieces.setdefault(analyst, {})[number] = body
        return b""

    def _state(self, analyst):
        if analyst not in self.pieces:
            raise MissingError("There is none.")
        manifest = self.manifests.get(analyst)
        received = {
            str(number): hashlib.sha256(piece).hexdigest()
            for number, piece in self.pieces.get(analyst, {}).items()
        }
        state = {"state": "committed" if manifest else "open", "received": received}
        return json.dumps(state | ({"manifest": digest_of(manifest)} if manifest else {})).encode()

    def _commit(self, analyst, body):
        signed, key = decode_base64(body["manifest"], "it"), bytes.fromhex(body["blinding"])
        name, manifest = verify_payload_manifest(signed, "it", self.agreement)
        assert (name, manifest.analyst) == (self.agency.name, analyst)
        assert self.manifests.get(analyst, signed) == signed
        verify_blinding(key, manifest.blinding, "it")
        pieces = self.pieces[analyst]
        sent = tuple(hashlib.sha256(pieces[number]).hexdigest() for number in sorted(pieces))
        assert sent == manifest.pieces
        self.manifests[analyst], self.keys[analyst] = signed, key
        return self._receipt(signed, manifest)

    def _receipt(self, signed, manifest):
        terms = self.agreement.agreement
        about = AgreementReference(self.agreement.digest(), terms.id, terms.version)
        committed = event(
            0, PAYLOAD_KIND, party=self.agency.name, agreement=about,
            recipients=(manifest.analyst,), counts=payload_counts(manifest),
            digests={"manifest": digest_of(signed)},
        )  # fmt: skip
        log = LyingLog([event_bytes(event(1)), event_bytes(committed)])
        note = log.note().to_bytes()
        proof = (leaf_hash(log.entries[0]),)
        return receipt_bytes(signed, log.entries[1], 1, note, proof)
