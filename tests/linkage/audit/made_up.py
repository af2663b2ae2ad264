"""A made-up log: keys from fixed seeds, events of every kind, and a log that can lie."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from linkage.audit.bundle import BundleHead, bundle_lines
from linkage.audit.checkpoint import Checkpoint, sign_checkpoint
from linkage.audit.cosignature import cosign
from linkage.audit.events import AgreementReference, Event, event_bytes
from linkage.audit.keys import LogKeys, SignatureType, Signer
from linkage.audit.kinds import KINDS
from linkage.audit.merkle import leaf_hash
from linkage.audit.notes import SignedNote
from linkage.audit.tree import Tree

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COSIGNED = 1_772_445_600  # 2 March 2026, 10:00 UTC
AGREEMENT = AgreementReference(digest=sha256(b"agreement").hexdigest(), id="north-east", version=2)
# What the published vectors count through; kinds that came later stand behind these.
VECTORS_KINDS = list(KINDS)[:26]
DISCLOSURES = {name for name, kind in KINDS.items() if kind.verb == "disclosure"}
PARTIES = ("police", "care", "health")


def signer(name: str, type_: SignatureType, seed: str | None = None) -> Signer:
    private = Ed25519PrivateKey.from_private_bytes(sha256((seed or name).encode()).digest())
    return Signer(name, type_, private)


LOG = signer("concord.example/north-east", SignatureType.LOG)
WITNESSES = tuple(signer(name, SignatureType.WITNESS) for name in ("care", "police"))
KEYS = LogKeys(LOG.verifier, tuple(witness.verifier for witness in WITNESSES))


def event(number: int = 0, kind: str | None = None, **changes: object) -> Event:
    """Return the event with this number: the kinds follow each other, an hour apart."""
    kind = kind or VECTORS_KINDS[number % len(VECTORS_KINDS)]
    settings: dict[str, object] = {
        "kind": kind,
        "at": BEGIN + timedelta(hours=number),
        "party": PARTIES[number % len(PARTIES)],
        "agreement": AGREEMENT,
        "purpose": "safeguarding children at risk of exploitation",
        "lawful_basis": "Children Act 2004, section 11",
        "person": f"officer-{number % 7}",
        "recipients": ("care", "health") if kind in DISCLOSURES else (),
        "counts": {"records": 10 * number, "clusters": number},
        "digests": {"message": sha256(f"message {number}".encode()).hexdigest()},
        "justification": "Agreed by the strategy meeting; the risk of harm outweighs privacy",
    }
    return Event(**(settings | changes))


def events(size: int, first: int = 0) -> list[bytes]:
    return [event_bytes(event(number)) for number in range(first, first + size)]


class LyingLog:
    """A log whose operator can show any events and sign for any state."""

    def __init__(self, entries: Sequence[bytes], log: Signer = LOG) -> None:
        self.entries = list(entries)
        self.log = log
        self.tree = Tree()
        for entry in self.entries:
            self.tree.append(leaf_hash(entry))

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.entries) if size is None else size
        return Checkpoint(self.log.name, size, self.tree.root(size))

    def note(self, size: int | None = None, witnesses: Sequence[Signer] = WITNESSES) -> SignedNote:
        note = sign_checkpoint(self.checkpoint(size), self.log)
        return note.with_signatures(*(cosign(note, one, COSIGNED) for one in witnesses))

    def proof(self, first: int, second: int | None = None) -> list[bytes]:
        return self.tree.consistency_proof(first, len(self.entries) if second is None else second)

    def bundle(
        self,
        *,
        note: SignedNote | None = None,
        entries: Sequence[bytes] | None = None,
        keys: LogKeys = KEYS,
    ) -> bytes:
        head = BundleHead(keys, note or self.note())
        return b"".join(bundle_lines(head, self.entries if entries is None else entries))


def as_lines(bundle: bytes) -> list[bytes]:
    return bundle.splitlines(keepends=True)
