"""Write the vectors of uploads: ``python -m tests.linkage.protocol.make_upload_vectors``."""

import base64
import json
from dataclasses import replace
from hashlib import sha256

from linkage.audit.checkpoint import Checkpoint, sign_checkpoint
from linkage.audit.events import AgreementReference, event_bytes
from linkage.audit.merkle import leaf_hash
from linkage.audit.tree import Tree
from linkage.protocol.canonical import canonical_json
from linkage.protocol.settings import settings
from linkage.protocol.signing import sign
from linkage.protocol.upload import MANIFEST_KIND, Manifest, receipt_bytes, sign_manifest
from tests.linkage.audit.made_up import LOG, event, signer
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.leaks import LEAK, OVERRULED, PASSED
from tests.linkage.protocol.make_vectors import OK, refused, write
from tests.linkage.protocol.parties import CARE, MATCHER, POLICE

MANIFEST = Manifest(
    agreement=AGREEMENT.digest(), epoch=1, round=2, upload="ab" * 16, sha256="cd" * 32,
    size=2_500_000, part_size=1_000_000, parts=("01" * 32, "02" * 32, "03" * 32), rows=6000,
    encodings="ef" * 32,
)  # fmt: skip
SIGNED = sign_manifest(MANIFEST, CARE)
PLACE = 3


def receipt(manifest=SIGNED, place=PLACE, log=LOG, **changes):
    """A receipt for the event at `PLACE` of a log whose other events are made up."""
    about = {
        "kind": "upload.committed", "party": "care", "recipients": (),
        "agreement": AgreementReference(digest=AGREEMENT.digest(), id="trial", version=1),
        "digests": {"manifest": sha256(SIGNED).hexdigest()}, **changes,
    }  # fmt: skip
    data = [event_bytes(event(number)) for number in range(7)]
    data[PLACE] = event_bytes(event(PLACE, **about))
    tree = Tree()
    for one in data:
        tree.append(leaf_hash(one))
    note = sign_checkpoint(Checkpoint(LOG.name, 7, tree.root()), log).to_bytes()
    return receipt_bytes(manifest, data[PLACE], place, note, tuple(tree.inclusion_proof(PLACE, 7)))


def manifest_vectors():
    few = settings(MANIFEST) | {"parts": ["01" * 32]}
    whole = settings(MANIFEST)
    belied = settings(PASSED) | {"attacks": [settings(LEAK)]}
    cases = {
        "accepted": ("care sent a file in three parts", SIGNED, OK),
        "with-leakage": (
            "care tells of its leakage report, which it has overruled",
            sign_manifest(replace(MANIFEST, leakage=OVERRULED), CARE), OK,
        ),
        "belied-leakage": (
            "passed, and an attack is over the limit",
            sign(MANIFEST_KIND, canonical_json(whole | {"leakage": belied}), CARE),
            refused(7, "can't be so"),
        ),
        "other-round": (
            "for another round", sign_manifest(replace(MANIFEST, round=3), CARE),
            refused(7, "round 3"),
        ),
        "other-epoch": (
            "for another epoch", sign_manifest(replace(MANIFEST, epoch=2), CARE),
            refused(7, "epoch 2"),
        ),
        "of-no-agency": (
            "signed by the matcher", sign_manifest(MANIFEST, MATCHER), refused(4, "'matcher'")
        ),
        "too-few-parts": (
            "one part of three", sign(MANIFEST_KIND, canonical_json(few), CARE),
            refused(7, "can't be so"),
        ),
        "other-kind": (
            "signed as answers", sign("known-answers", canonical_json(whole), CARE),
            refused(3, "'known-answers'"),
        ),
    }  # fmt: skip
    for name, (what, content, expect) in cases.items():
        write(
            f"manifest_{name}", what, expect, document="manifest", content=content.decode(),
            agreement="agreement_accepted.json",
        )  # fmt: skip


def receipt_vectors():
    accepted = receipt()
    other = base64.b64decode(json.loads(SIGNED)["payload"])
    cases = {
        "accepted": ("care's upload is in the log", accepted, OK),
        "spaced": (
            "the same members with spaces", json.dumps(json.loads(accepted)).encode(),
            refused(1, "canonical form"),
        ),
        "of-police": (
            "police's manifest", receipt(sign(MANIFEST_KIND, other, POLICE)),
            refused(2, "a receipt for 'police'"),
        ),
        "forged-checkpoint": (
            "signed with another key", receipt(log=signer(LOG.name, LOG.type, "a forger")),
            refused(3, "proves nothing"),
        ),
        "other-place": (
            "another leaf than the proof is for", receipt(place=2), refused(4, "proves nothing")
        ),
        "beyond-the-end": (
            "a leaf that the checkpoint doesn't count", receipt(place=7),
            refused(4, "doesn't count"),
        ),
        "other-manifest": (
            "the event is about another manifest", receipt(digests={"manifest": "00" * 32}),
            refused(5, "another event"),
        ),
        "other-kind": (
            "the event says that it was refused",
            receipt(kind="upload.refused", justification="It does not fit the scheme"),
            refused(5, "another event"),
        ),
        "other-party": (
            "the event is about police", receipt(party="police"), refused(5, "another event")
        ),
        "other-agreement": (
            "the event is under another agreement",
            receipt(agreement=AgreementReference(digest="00" * 32, id="trial", version=1)),
            refused(5, "another event"),
        ),
    }  # fmt: skip
    for name, (what, content, expect) in cases.items():
        write(
            f"receipt_{name}", what, expect, document="receipt", content=content.decode(),
            agreement="agreement_accepted.json", agency="care", log=str(LOG.verifier),
        )  # fmt: skip


if __name__ == "__main__":
    manifest_vectors()
    receipt_vectors()
