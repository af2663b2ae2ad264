"""What a finished run has learnt, read back from its stored files."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import VerificationError
from linkage.fellegi_sunter import LinkageModel
from linkage.patterns import GroupComparison
from linkage.recognition import Judge
from matcher.objects.objects import Objects
from matcher.runs.finished import RunOutcome
from matcher.runs.stored import level_array
from matcher.runs.storing import read_run_file
from matcher.runs.tombstones import Tombstones, tombstones_of


def read_judge(objects: Objects, outcome: RunOutcome, run: str) -> Judge:
    """Return the judge that a run's model and evidence make; raises `VerificationError`."""
    try:
        document = json.loads(read_run_file(objects, outcome, "model.json"))
        table = pq.read_table(BytesIO(read_run_file(objects, outcome, "evidence.parquet")))
        assigned = table.filter(table["assigned"])
        levels = level_array(assigned["levels"], assigned.num_rows)
        return Judge.learnt(
            _model(document),
            tuple(bool(own) for own in document["holds_given_name"]),
            float(document["thresholds"]["link"]),
            levels,
            assigned["probability"].to_numpy(),
        )
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise VerificationError(
            f"What the run {run} has stored can't be read; link the uploads again."
        ) from error


def read_erased(objects: Objects, outcome: RunOutcome) -> Tombstones:
    """Return the records that a run knows as erased."""
    if "tombstones.parquet" not in outcome.files:
        return Tombstones()
    content = read_run_file(objects, outcome, "tombstones.parquet")
    return tombstones_of(pq.read_table(BytesIO(content)).to_pandas())


def _model(document: dict[str, Any]) -> LinkageModel:
    groups = document["groups"]
    comparisons = tuple(
        GroupComparison(own["name"], own["length"], own["similarity"], tuple(own["levels"]))
        for own in groups
    )
    return LinkageModel(
        comparisons,
        tuple(np.array(own["m"], np.float64) for own in groups),
        tuple(np.array(own["u"], np.float64) for own in groups),
        float(document["match_share"]),
        int(document["iterations"]),
    )
