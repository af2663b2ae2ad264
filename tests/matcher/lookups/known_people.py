"""Agencies that know some of the same people, really encoded: with typos, siblings and twins."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hashing.encoder import Encoder
from hashing.secret import LinkageSecret
from linkage.encodings import Encodings, Header
from linkage.protocol.lookups.record import EncodedPerson
from linkage.protocol.scheme import Scheme
from tests.hashing.people import sparse_people

MATERIAL = bytes(range(32))
SIBLINGS, TWINS = 10, 10
Person = dict[str, str]


def made_up_people(count: int, seed: int = 5) -> list[Person]:
    """Return people; the last ones are siblings and then twins of the first ones."""
    columns = sparse_people(count, seed)
    values = zip(*columns.values(), strict=True)
    rows = [dict(zip(columns, own, strict=True)) for own in values]
    for at in range(SIBLINGS + TWINS):
        other = rows[-1 - at]
        home = ("surname", "address", "city", "postcode")
        other |= {name: rows[at][name] for name in home}
        if at >= SIBLINGS:
            other["date_of_birth"] = rows[at]["date_of_birth"]
    return rows


def with_typo(person: Person, rng: np.random.Generator) -> Person:
    """Return the person with two letters of a name exchanged, or the day of birth misread."""
    changed = dict(person)
    field = ("given_name", "surname", "address")[rng.integers(3)]
    text = changed[field]
    at = int(rng.integers(len(text) - 1))
    changed[field] = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return changed


@dataclass(frozen=True)
class Agency:
    """What an agency holds: whose records, as they stand in its extract, and their encodings."""

    name: str
    whose: list[int]
    rows: list[Person]
    encodings: Encodings

    def ids(self) -> list[str]:
        return [f"{self.name}-{number}" for number in self.whose]

    def tokens_of(self, number: int) -> list[str]:
        """The tokens, in hex, of a person's records."""
        tokens = self.encodings.tokens
        return [tokens[at].tobytes().hex() for at, own in enumerate(self.whose) if own == number]

    def write(self, folder: Path) -> None:
        """Write the extract and the private map."""
        with (folder / f"{self.name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["record_id", *self.rows[0]])
            writer.writerows(
                [own, *row.values()] for own, row in zip(self.ids(), self.rows, strict=True)
            )
        tokens = [token.tobytes().hex() for token in self.encodings.tokens]
        table = pa.table({"record_token": tokens, "record_id": self.ids()})
        pq.write_table(table, folder / f"{self.name}.map.parquet")


def encode_rows(scheme: Scheme, rows: Sequence[Person], material: bytes = MATERIAL):
    """Return bits and presence of people."""
    columns = {name: [row[name] for row in rows] for name in scheme.fields}
    with Encoder(scheme, LinkageSecret(material)) as encoder:
        encoded = encoder.encode_columns(columns)
        return encoder.layout, encoded.bits, encoded.present


def encoded_person(scheme: Scheme, row: Person, material: bytes = MATERIAL) -> EncodedPerson:
    layout, bits, present = encode_rows(scheme, [row], material)
    words = bits[0].astype("<u8")
    groups = tuple(words[at].tobytes()[: own.length // 8] for at, own in enumerate(layout))
    return EncodedPerson(tuple(bool(own) for own in present[0]), groups)


def agency_of(
    scheme: Scheme, name: str, people: list[Person], whose: list[int], seed: int,
    material: bytes = MATERIAL,
) -> Agency:  # fmt: skip
    """Let an agency hold these people, each with a typo by one chance in seven."""
    rng = np.random.default_rng(seed)
    rows = [
        with_typo(people[own], rng) if rng.random() < 1 / 7 else dict(people[own]) for own in whose
    ]
    layout, bits, present = encode_rows(scheme, rows, material)
    tokens = rng.integers(0, 256, (len(whose), 16), dtype=np.uint8)
    header = Header(name, scheme.digest(), layout)
    return Agency(name, whose, rows, Encodings(header, tokens, bits, present))


def agencies_of(
    scheme: Scheme, people: list[Person], held: dict[str, list[int]], material: bytes = MATERIAL
) -> dict[str, Agency]:
    """Return what each agency holds, by its name."""
    return {
        name: agency_of(scheme, name, people, whose, seed, material)
        for seed, (name, whose) in enumerate(held.items())
    }
