"""A made-up cohort: people whom three agencies know, with payload, and the matcher's map."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from linkage.protocol.cohort.people_map import HOUSEHOLDS, RECORDS, PeopleMap
from linkage.protocol.cohort.tables import ASSOCIATIONS, EVENTS, PayloadTables, people_schema
from tests.linkage.protocol import agreements
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE

ANALYST = agreements.ANALYST
AGENCIES = (CARE, HEALTH, POLICE)
PAYLOAD = """
[payload.events]
missing = { date = "month", places = true, place_tokens = true }
meeting = { date = "quarter", vocabulary = "meetings" }
review = { date = "year" }

[payload.associations]
together = { date = "month", place_tokens = true }

[payload.vocabularies.meetings]
version = "2"
terms = { mase = "sexual exploitation", mace = "child exploitation" }
"""
AGREEMENT = agreements.parse(
    agreements.changed(('\n[payload.events]\nmissing = { date = "month" }\n', PAYLOAD))
)
FACTS = {
    "format": "concord-cohort/1",
    "id": "0f" * 16,
    "agreement": {
        "id": "trial",
        "version": 1,
        "digest": AGREEMENT.digest(),
        "epoch": 1,
    },
    "round": 1,
    "run": "1e" * 16,
    "purpose": "safeguarding",
    "reference": "MACE <12>",
    "pulled": "2026-09-14T10:00:00Z",
    "agencies": {"with_payload": ["care", "police"], "without_payload": ["health"]},
    "estimates": [
        {
            "agency_a": "care",
            "agency_b": "police",
            "precision": 0.99,
            "recall": 0.9,
            "intervals": {"precision": [0.98, 1.0], "recall": None},
        }
    ],
    "outputs": {"least_cell": 10, "rounding": 5},
    "log": {"size": 20, "leaf": 19},
}


def ids(rows):
    """Rows of 16 bytes, uint8 (n, 16), as an Arrow array."""
    whole = np.ascontiguousarray(rows, np.uint8)
    return pa.Array.from_buffers(pa.binary(16), len(whole), [None, pa.py_buffer(whole)])


class MadeUp:
    """Map and payload of ``people``, of whom each agency knows about half.

    With ``doubles`` some people have two records at an agency.
    """

    def __init__(self, people, events, seed=0, *, doubles=False):
        self.rng = np.random.default_rng(seed)
        self.names = self.drawn(people)
        if doubles:
            self.names[1::5] = self.names[0:-1:5]
        self.places = self.drawn(max(2, people // 20))
        self.payloads = {}
        parts = []
        for own in sorted(AGENCIES, key=lambda party: party.name):
            known = np.sort(self.rng.choice(people, max(2, people // 2), replace=False))
            persons = self.drawn(len(known))
            sure = np.where(self.rng.random(len(known)) < 0.5, 1.0, self.rng.random(len(known)))
            parts.append((self.names[known], [own.name] * len(known), persons, sure))
            self.payloads[own.name] = PayloadTables(
                self.attributes(persons), self.events(persons, events), self.together(persons)
            )
        self.map = self.mapped(parts)

    def drawn(self, count):
        return self.rng.integers(0, 256, (count, 16), dtype=np.uint8)

    def pick(self, values, count):
        return pa.array(values).take(pa.array(self.rng.integers(0, len(values), count)))

    def dates(self, count, step):
        months = np.array("2026-01", "M8[M]") + step * self.rng.integers(0, 12 // step, count)
        return pa.array(months.astype("M8[D]")).cast(pa.date32())

    def attributes(self, persons):
        columns = {"person": ids(persons), "sex": self.pick(["f", "m", None], len(persons))}
        columns["born"] = self.pick(["2010", "2011", None], len(persons))
        return pa.table(columns).select(people_schema(["born", "sex"]).names)

    def events(self, persons, count):
        parts = [
            self.of_type(persons, count - 2 * (count // 4), "missing", 1),
            self.of_type(persons, count // 4, "meeting", 3),
            self.of_type(persons, count // 4, "review", 12),
        ]
        return pa.concat_tables(parts)

    def of_type(self, persons, count, name, step):
        none = pa.nulls(count, pa.string())
        placed = name == "missing"
        where = self.rng.integers(0, len(self.places), count)
        columns = {
            "person": ids(persons[self.rng.integers(0, len(persons), count)]),
            "event": pa.repeat(pa.scalar(name), count),
            "date": self.dates(count, step),
            "kind": self.pick(["mase", "mace"], count) if name == "meeting" else none,
            "district": self.pick(["E1", "SW1A", None], count) if placed else none,
            "place": ids(self.places[where]) if placed else pa.nulls(count, pa.binary(16)),
        }
        return pa.table(columns).cast(EVENTS)

    def together(self, persons):
        count = len(persons) // 2
        one = self.rng.integers(0, len(persons) - 1, count)
        columns = {
            "person": ids(persons[one]),
            "other": ids(persons[one + 1]),
            "association": pa.repeat(pa.scalar("together"), count),
            "date": self.dates(count, 1),
            "place": ids(self.places[self.rng.integers(0, len(self.places), count)]),
        }
        return pa.table(columns).cast(ASSOCIATIONS)

    def mapped(self, parts):
        columns = {
            "pseudonym": ids(np.concatenate([part[0] for part in parts])),
            "agency": [name for part in parts for name in part[1]],
            "person": ids(np.concatenate([part[2] for part in parts])),
            "probability": np.concatenate([part[3] for part in parts]),
        }
        records = pa.table(columns).cast(RECORDS)
        keys = [(name, "ascending") for name in ("pseudonym", "agency", "person")]
        pairs = np.sort(self.names[: 2 * (len(self.names) // 8)].view("S16").reshape(-1, 2), axis=1)
        pairs = pairs[np.argsort(pairs[:, 0])]
        one, other = (
            ids(np.ascontiguousarray(pairs[:, k]).view(np.uint8).reshape(-1, 16)) for k in (0, 1)
        )
        known = pa.table({"pseudonym": one, "other": other}).cast(HOUSEHOLDS)
        return PeopleMap(records.sort_by(keys), self._of_known(known, records))

    def _of_known(self, pairs, records):
        names = set(records["pseudonym"].to_pylist())
        rows = [row for row in pairs.to_pylist() if set(row.values()) <= names]
        return pa.Table.from_pylist(rows, HOUSEHOLDS)
