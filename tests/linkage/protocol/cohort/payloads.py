"""Made-up payloads, manifests, requests and cohorts."""

import datetime as dt

import numpy as np
import pyarrow as pa

from linkage.protocol.canonical import encode_base64
from linkage.protocol.cohort.messages import (
    Cohort,
    CohortAgency,
    CohortRequest,
    PairEstimate,
    PayloadManifest,
    digest_of,
    sign_cohort,
    sign_cohort_request,
    sign_payload_manifest,
)
from linkage.protocol.cohort.persons import blinding_digest, person_ids
from linkage.protocol.cohort.tables import ASSOCIATIONS, EVENTS, PayloadTables, people_schema
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST
from tests.linkage.protocol.parties import CARE, MATCHER

BLINDING = bytes([7]) * 32
NOW = 1_772_442_000


def tokens(count):
    """The tokens of so many records, uint8 (n, 16): 0101…, 0202…, …"""
    return np.repeat(np.arange(1, count + 1, dtype=np.uint8), 16).reshape(-1, 16)


def ids(count, key=BLINDING):
    return [own.tobytes() for own in person_ids(key, tokens(count))]


def tables(people=3, key=BLINDING, events=1):
    """A payload under `AGREEMENT`: everybody's sex and year, some events, two who went together."""
    own = ids(people, key)
    month = dt.date(2026, 3, 1)
    return PayloadTables(
        pa.table(
            {"person": own, "born": ["2011"] * people, "sex": [None] + ["f"] * (people - 1)},
            people_schema(["born", "sex"]),
        ),
        pa.table(
            {
                "person": own[:events], "event": ["missing"] * events, "date": [month] * events,
                "kind": [None] * events, "district": ["SW1A"] * events,
                "place": [bytes([9]) * 16] * events,
            },
            EVENTS,
        ),
        pa.table(
            {
                "person": [own[0]], "other": [own[1]], "association": ["missing_together"],
                "date": [month], "place": [None],
            },
            ASSOCIATIONS,
        ),
    )  # fmt: skip


MANIFEST = PayloadManifest(
    agreement=AGREEMENT.digest(), epoch=1, round=2, analyst="analyst",
    blinding=blinding_digest(BLINDING), pieces=("01" * 32, "02" * 32),
)  # fmt: skip
SIGNED = sign_payload_manifest(MANIFEST, CARE)
REQUEST = CohortRequest(
    AGREEMENT.digest(), 1, "safeguarding", "A review", "To see who is missing", NOW
)
ASKED = sign_cohort_request(REQUEST, ANALYST)
COHORT = Cohort(
    id="ab" * 16, request=digest_of(ASKED), agreement=AGREEMENT.digest(), epoch=1, round=2,
    run="cd" * 16, outcome="ef" * 32, analyst="analyst",
    agencies=(
        CohortAgency("care", 2, "01" * 32, 3, encode_base64(SIGNED)),
        CohortAgency("police", 1, "02" * 32, 4),
    ),
    estimates=(PairEstimate("care", "police", 0.98, 0.97, 0.99, 0.9, None, None),),
    map="12" * 32,
)  # fmt: skip
PULLED = sign_cohort(COHORT, MATCHER)
