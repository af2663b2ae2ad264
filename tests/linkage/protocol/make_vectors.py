"""Write the vectors of linkage/protocol/SPEC.md: ``python -m tests.linkage.protocol.make_vectors``.

One scenario a file. Sealed messages differ at every run, since sealing draws randomness.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path

from linkage.protocol import sealing
from linkage.protocol.canonical import canonical_json, encode_base64
from linkage.protocol.handshake import Answers, sign_answers
from linkage.protocol.keys import Identity
from linkage.protocol.sealing import Context, seal
from linkage.protocol.secret_messages import sign_commitment
from linkage.protocol.signing import sign
from linkage.protocol.standing import sign_agreement
from tests.linkage.protocol.agreements import AGREEMENT, parse, second
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE, identity

FOLDER = Path("tests/vectors/protocol")
PAYLOAD = b'{"what":"a payload"}'
SIGNED = sign("example", PAYLOAD, POLICE)
CONTEXT = Context("ab" * 32, epoch=3, round=2, kind="example", sequence=5)
SEALED = seal(CARE.public, CONTEXT, PAYLOAD, POLICE)
HEADER = SEALED.split(b"\n", 2)[1]
LATER = parse(second())
OK = {"outcome": "accepted"}


def refused(step, because):
    return {"outcome": "refused", "step": step, "because": because}


def card(own):
    public = own.public
    return {
        "name": public.name,
        "signing_key": str(public.signing_key),
        "sealing_key": str(public.sealing_key),
    }


def write(name, what, expect, **own):
    text = json.dumps({"what": what, "expect": expect, **own}, indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def changed(**members):
    return canonical_json(json.loads(SIGNED) | members)


def signed_vectors():
    cases = {
        "accepted": ("police signed it", SIGNED, OK),
        "name-twice": (
            "a name stands twice",
            SIGNED.replace(b'"kind":', b'"kind":"other","kind":'),
            refused(1, "not strict JSON"),
        ),
        "spaced": (
            "the same members with spaces",
            json.dumps(json.loads(SIGNED)).encode(),
            refused(1, "canonical form"),
        ),
        "unknown-member": (
            "a member more than there should be", changed(more="x"), refused(2, "more can't be so")
        ),
        "other-kind": (
            "signed as another kind",
            sign("other", PAYLOAD, POLICE),
            refused(3, "can't stand for 'example'"),
        ),
        "stranger": (
            "signed by somebody whose word doesn't count",
            sign("example", PAYLOAD, HEALTH),
            refused(4, "'health'"),
        ),
        "other-key": (
            "signed in police's name with another key",
            sign("example", PAYLOAD, identity("police", 99)),
            refused(4, "another key"),
        ),
        "loose-base64": (
            "base64 with stray bits",
            changed(payload=json.loads(SIGNED)["payload"].replace("0=", "1=")),
            refused(5, "base64"),
        ),
        "changed-payload": (
            "another payload under the same signature",
            changed(payload=encode_base64(b'{"what":"another one"}')),
            refused(6, "'police'"),
        ),
        "kind-written-in": (
            "signed as another kind, with the expected one written in",
            canonical_json(json.loads(sign("other", PAYLOAD, POLICE)) | {"kind": "example"}),
            refused(6, "'police'"),
        ),
        "signer-written-in": (
            "signed by police, with care's name and key written in",
            changed(signer="care", key=CARE.public.signing_key.fingerprint),
            refused(6, "'care'"),
        ),
    }  # fmt: skip
    for name, (what, content, expect) in cases.items():
        write(
            f"signed_{name}", what, expect, document="signed", content=content.decode(),
            kind="example", signers=[card(POLICE), card(CARE)], payload=PAYLOAD.decode(),
        )  # fmt: skip


def forged(header, plaintext, recipient=CARE):
    ciphertext = recipient.public.sealing_key.seal(plaintext, b"concord/1/sealed\n" + header)
    return b"\n".join((b"concord/1/sealed", header, ciphertext))


def sealed_vectors():
    plaintext = CARE.opening_key.open(SEALED.split(b"\n", 2)[2], b"concord/1/sealed\n" + HEADER)
    to_health = seal(HEALTH.public, CONTEXT, PAYLOAD, POLICE).split(b"\n", 2)[1]
    pretender = Identity("police", HEALTH.signing_key, HEALTH.opening_key)
    unsigned = sealing._padded(pretender.signing_key.sign(b"whatever"), PAYLOAD)
    cases = {
        "accepted": ("police sealed it to care", SEALED, OK, {}),
        "cut": ("its last byte is missing", SEALED[:-1], refused(1, "cut short"), {}),
        "other-first-line": (
            "another version of the format", SEALED.replace(b"concord/1", b"concord/2", 1),
            refused(1, "doesn't begin"), {},
        ),
        "spaced-header": (
            "the header with spaces", SEALED.replace(b'"epoch":3', b'"epoch": 3', 1),
            refused(2, "canonical form"), {},
        ),
        "other-agreement": (
            "opened under another agreement", SEALED, refused(3, "agreement"),
            {"context": replace(CONTEXT, agreement="cd" * 32)},
        ),
        "other-epoch": (
            "opened in another epoch", SEALED, refused(3, "epoch 3, not for 4"),
            {"context": replace(CONTEXT, epoch=4)},
        ),
        "other-round": (
            "opened in another round", SEALED, refused(3, "round"),
            {"context": replace(CONTEXT, round=3)},
        ),
        "other-kind": (
            "opened as another kind", SEALED, refused(3, "kind"),
            {"context": replace(CONTEXT, kind="other")},
        ),
        "replayed": (
            "opened where the next number is due", SEALED, refused(3, "sequence 5, not for 6"),
            {"context": replace(CONTEXT, sequence=6)},
        ),
        "other-recipient": (
            "opened by health", SEALED, refused(3, "recipient"), {"recipient": HEALTH}
        ),
        "other-sender": (
            "expected from health", SEALED, refused(3, "sender"), {"sender": HEALTH}
        ),
        "header-written-in": (
            "opened as number 6, which is written into the header",
            SEALED.replace(b'"sequence":5', b'"sequence":6'), refused(4, "doesn't open"),
            {"context": replace(CONTEXT, sequence=6)},
        ),
        "changed": (
            "the last bit of the ciphertext is another", SEALED[:-1] + bytes([SEALED[-1] ^ 1]),
            refused(4, "doesn't open"), {},
        ),
        "padding-not-zero": (
            "padded with something else than zeros", forged(HEADER, plaintext[:-1] + b"\1"),
            refused(5, "not padded"), {},
        ),
        "padding-too-long": (
            "padded to a larger class than it needs", forged(HEADER, plaintext.ljust(2048, b"\0")),
            refused(5, "not padded"), {},
        ),
        "forwarded": (
            "care sealed to health what police had signed for care",
            forged(to_health, plaintext, HEALTH), refused(6, "'police'"), {"recipient": HEALTH},
        ),
        "unsigned": (
            "sealed in police's name by somebody without police's key", forged(HEADER, unsigned),
            refused(6, "'police'"), {},
        ),
    }  # fmt: skip
    for name, (what, content, expect, changes) in cases.items():
        own = {"context": CONTEXT, "recipient": CARE, "sender": POLICE, **changes}
        number = {"care": 21, "health": 31}[own["recipient"].name]
        write(
            f"sealed_{name}", what, expect, document="sealed", content=encode_base64(content),
            context=asdict(own["context"]), sender=card(own["sender"]),
            recipient={
                "name": own["recipient"].name,
                "signing_seed": bytes([number] * 32).hex(),
                "opening_seed": bytes([number + 1] * 32).hex(),
            },
            payload=PAYLOAD.decode(),
        )  # fmt: skip


def agreement_vectors():
    content = AGREEMENT.content().decode()
    said = json.loads(content)
    said["agreement"]["version"] = 1
    weak = json.loads(content)
    for part in weak["scheme"]["group"][0]["parts"]:
        part["features"] = ["surname"]
    unmet = json.loads(content)
    unmet["disclosure"] |= {"quorum": 4, "protected_quorum": 4}
    cases = {
        "accepted": ("a whole agreement", content, OK),
        "default-said": (
            "a setting at its default is said", canonical_json(said).decode(),
            refused(3, "one form"),
        ),
        "quorum-unmet": (
            "four of three must approve", canonical_json(unmet).decode(),
            refused(2, "not the message"),
        ),
        "weak-group": (
            "a group of one field", canonical_json(weak).decode(), refused(4, "frequency analysis")
        ),
    }  # fmt: skip
    for name, (what, text, expect) in cases.items():
        write(
            f"agreement_{name}", what, expect, document="agreement", content=text,
            digest=AGREEMENT.digest(),
        )  # fmt: skip


def binding_vectors():
    answers = Answers(
        agreement=AGREEMENT.digest(), epoch=1, round=1, scheme=AGREEMENT.scheme.digest(),
        commitment="cd" * 32, answers="ef" * 32, versions={"numpy": "2"},
    )  # fmt: skip
    cases = {
        "signature_accepted": ("agreement-signature", sign_agreement(AGREEMENT, CARE), OK),
        "signature_other-version": (
            "agreement-signature", sign_agreement(LATER, CARE), refused(7, "'care'")
        ),
        "signature_other-kind": (
            "agreement-signature", sign("upload", AGREEMENT.content(), CARE),
            refused(3, "'upload'"),
        ),
        "commitment_accepted": ("commitment", sign_commitment(AGREEMENT, "cd" * 32, POLICE), OK),
        "commitment_other-version": (
            "commitment", sign_commitment(LATER, "cd" * 32, POLICE), refused(7, "agreement")
        ),
        "commitment_of-no-agency": (
            "commitment", sign_commitment(AGREEMENT, "cd" * 32, MATCHER), refused(4, "'matcher'")
        ),
        "answers_accepted": ("answers", sign_answers(answers, CARE), OK),
        "answers_other-round": (
            "answers", sign_answers(replace(answers, round=2), CARE), refused(7, "round 2")
        ),
    }  # fmt: skip
    for name, (document, content, expect) in cases.items():
        write(
            name, f"{document}: {name.split('_')[1].replace('-', ' ')}", expect, document=document,
            content=content.decode(), agreement="agreement_accepted.json",
        )  # fmt: skip


if __name__ == "__main__":
    signed_vectors()
    sealed_vectors()
    agreement_vectors()
    binding_vectors()
