"""Write the vectors of cohorts: ``python -m tests.linkage.protocol.make_cohort_vectors``."""

from dataclasses import replace

from linkage.protocol.canonical import canonical_json, encode_base64
from linkage.protocol.cohort.messages import (
    REQUEST_KIND,
    CohortAgency,
    sign_cohort,
    sign_cohort_request,
    sign_payload_manifest,
)
from linkage.protocol.settings import settings
from linkage.protocol.signing import sign
from tests.linkage.protocol.agreements import ANALYST
from tests.linkage.protocol.cohort.payloads import (
    ASKED,
    COHORT,
    MANIFEST,
    PULLED,
    REQUEST,
    SIGNED,
)
from tests.linkage.protocol.make_vectors import OK, refused, write
from tests.linkage.protocol.parties import CARE, MATCHER, POLICE


def manifest_vectors():
    cases = {
        "accepted": ("care has sealed two pieces to the analyst", SIGNED, OK),
        "of-no-agency": (
            "signed by the analyst", sign_payload_manifest(MANIFEST, ANALYST),
            refused(4, "'analyst'"),
        ),
        "other-epoch": (
            "for another epoch", sign_payload_manifest(replace(MANIFEST, epoch=2), CARE),
            refused(7, "epoch 2"),
        ),
        "to-no-analyst": (
            "for a recipient", sign_payload_manifest(replace(MANIFEST, analyst="hub"), CARE),
            refused(7, "no analyst"),
        ),
        "with-the-key": (
            "it says the blinding key itself",
            sign("payload-manifest", canonical_json(settings(MANIFEST) | {"key": "07" * 32}), CARE),
            refused(7, "can't be so"),
        ),
    }  # fmt: skip
    _write("payload-manifest", cases)


def request_vectors():
    cases = {
        "accepted": ("the analyst asks for a cohort", ASKED, OK),
        "of-an-agency": (
            "signed by an agency", sign_cohort_request(REQUEST, POLICE), refused(4, "'police'")
        ),
        "other-agreement": (
            "for another agreement",
            sign_cohort_request(replace(REQUEST, agreement="00" * 32), ANALYST),
            refused(7, "belongs to the agreement"),
        ),
        "other-kind": (
            "signed as a manifest",
            sign("payload-manifest", canonical_json(settings(REQUEST)), ANALYST),
            refused(3, REQUEST_KIND),
        ),
    }  # fmt: skip
    _write("cohort-request", cases)


def cohort_vectors():
    other = sign_payload_manifest(replace(MANIFEST, round=3), CARE)
    cases = {
        "accepted": ("a cohort of two agencies, one with payload", PULLED, OK),
        "of-the-analyst": (
            "signed by the analyst", sign_cohort(COHORT, ANALYST), refused(4, "'analyst'")
        ),
        "other-epoch": (
            "for another epoch", sign_cohort(replace(COHORT, epoch=2), MATCHER),
            refused(7, "epoch 2"),
        ),
        "payload-of-other-round": (
            "with a payload of another round", _with(other), refused(8, "another agency, round")
        ),
        "payload-of-other-agency": (
            "with police's payload as care's",
            _with(sign_payload_manifest(MANIFEST, POLICE)), refused(8, "another agency, round"),
        ),
    }  # fmt: skip
    _write("cohort", cases)


def _with(manifest):
    first = CohortAgency("care", 2, "01" * 32, 3, encode_base64(manifest))
    return sign_cohort(replace(COHORT, agencies=(first, COHORT.agencies[1])), MATCHER)


def _write(document, cases):
    for name, (what, content, expect) in cases.items():
        write(
            f"{document}_{name}", what, expect, document=document, content=content.decode(),
            agreement="agreement_accepted.json",
        )  # fmt: skip


if __name__ == "__main__":
    manifest_vectors()
    request_vectors()
    cohort_vectors()
