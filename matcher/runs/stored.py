"""A finished run, read back from its folder: what a later run and an erasure start from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.errors import InputError, VerificationError
from linkage.estimates import EstimateBasis
from linkage.households import Hints
from linkage.lineage import Lineage, Membership, trace
from linkage.outcome import Evidence, Links
from linkage.sources import Sources, records_alone
from linkage.unseen import Shown
from matcher.runs.scans import FOLDER
from matcher.runs.tombstones import Tombstones, token_bytes, tombstones_of

_READ = ("model.json", "clusters.parquet", "tombstones.parquet")
_CLUSTER_COLUMNS = ["cluster_id", "agency", "record_token"]


@dataclass(frozen=True)
class StoredRun:
    """A run's ``folder``, its ``model`` (model.json), its clusters and its tombstones.

    ``sources`` are its records without encodings; ``cluster_of`` int64 (records,) numbers their
    clusters and ``ids`` are the clusters' ids by number.
    """

    folder: Path
    model: dict[str, Any]
    sources: Sources
    cluster_of: NDArray[np.int64]
    ids: list[str]
    erased: Tombstones

    def lineage_of(self, sources: Sources, cluster_of: NDArray[np.int64]) -> Lineage:
        """Return how a later run's clusters descend from this one's, and their ids."""
        old, new = membership(self.sources, self.cluster_of), membership(sources, cluster_of)
        return trace(old, self.ids, new)


def membership(sources: Sources, cluster_of: NDArray[np.int64]) -> Membership:
    """Return which record is in which cluster, free of the order of records."""
    return Membership(np.array(sources.names)[sources.source], sources.tokens, cluster_of)


def read_run(folder: Path) -> StoredRun:
    """Read a finished run.

    Raises `InputError` where the folder isn't one, and `VerificationError` where it is damaged.
    """
    try:
        model: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        names = tuple(sorted(model["agencies"]))
        clean = np.array([bool(model["agencies"][name]["clean"]) for name in names])
        table = _read_table(folder / "clusters.parquet", _CLUSTER_COLUMNS)
        source = _numbers_of(table["agency"], names)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder} is not the folder of a run; make one by linking.") from None
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(folder) from error
    order = np.lexsort((table["record_token"].to_numpy(), source))
    table = table.iloc[order]
    cluster_of, ids = pd.factorize(table["cluster_id"])
    return StoredRun(
        folder,
        model,
        records_alone(names, clean, source[order], token_bytes(table["record_token"])),
        cluster_of.astype(np.int64),
        [str(own) for own in ids],
        _tombstones(folder),
    )


def is_gone_on_from(path: str) -> bool:
    """Whether a run that goes on from another reads this file of it: a scan, or for `read_run`."""
    return path in _READ or path.startswith(f"{FOLDER}/")


def read_evidence(run: StoredRun) -> Evidence:
    """Read what the run's links and clusters were drawn from."""
    path = run.folder / "evidence.parquet"
    try:
        table = pq.read_table(path)
        ends = [_ends(run.sources, table, side) for side in ("a", "b")]
        links = Links(
            ends[0],
            ends[1],
            table["weight"].to_numpy(),
            table["probability"].to_numpy(),
            level_array(table["levels"], table.num_rows),
        )
        assigned = table["assigned"].to_numpy()
        hints = table["hint"].to_numpy()[assigned]
    except FileNotFoundError:
        raise _earlier(run.folder, "it has no evidence.parquet") from None
    except KeyError:
        raise _earlier(run.folder, "evidence.parquet knows no hints") from None
    except (pa.ArrowException, OSError, TypeError, ValueError) as error:
        raise _damaged(run.folder) from error
    chosen, others = np.flatnonzero(assigned), np.flatnonzero(~assigned)
    return Evidence(links.take(chosen), hints, links.take(others))


def read_hints(run: StoredRun) -> Hints | None:
    """Read the run's household hints; None where its groups can't show any."""
    path = run.folder / "hints.parquet"
    if not path.exists():
        return None
    try:
        table = pq.read_table(path)
        ends = [_ends(run.sources, table, side) for side in ("a", "b")]
        return Hints(ends[0], ends[1], level_array(table["levels"], table.num_rows))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(run.folder) from error


def read_basis(run: StoredRun) -> EstimateBasis:
    """Return what the run's estimates of quality rest on."""
    if "estimate_basis" not in run.model:
        raise _earlier(run.folder, "model.json lacks the basis of its estimates")
    try:
        return basis_of(run.model)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise _damaged(run.folder) from error


def basis_of(model: Mapping[str, Any]) -> EstimateBasis:
    """Return what model.json says that estimates rest on; raises what comes for anything else."""
    document = model["estimate_basis"]
    shown = {
        (str(own["agencies"][0]), str(own["agencies"][1])): Shown(
            float(own["share"]), float(own["log_error"])
        )
        for own in document["shown"]
    }
    weight = document["decoy_weight"]
    return EstimateBasis(shown, None if weight is None else float(weight))


def _ends(sources: Sources, table: Any, side: str) -> NDArray[np.int32]:
    """Return the numbers of the records at one end of each pair."""
    agency = _numbers_of(table[f"agency_{side}"].to_pandas(), sources.names)
    tokens = token_bytes(table[f"token_{side}"].to_pylist())
    ends = np.full(len(agency), -1, np.int32)
    for own in range(len(sources.names)):
        ends[agency == own] = sources.find(own, tokens[agency == own])
    if (ends < 0).any():
        raise ValueError("a record that is in no cluster")
    return ends


def level_array(column: Any, rows: int) -> NDArray[np.int8]:
    """Return the levels in a column of as many rows, int8 (rows, groups), -1 for null."""
    flat = column.combine_chunks().flatten().fill_null(-1).to_numpy()
    return np.asarray(flat, np.int8).reshape(rows, -1 if rows else 0)


def _numbers_of(agencies: pd.Series[str], names: tuple[str, ...]) -> NDArray[np.int32]:
    numbers = np.asarray(pd.Index(names).get_indexer(pd.Index(agencies)), np.int32)
    if (numbers < 0).any():
        raise ValueError("an agency that model.json doesn't name")
    return numbers


def _tombstones(folder: Path) -> Tombstones:
    path = folder / "tombstones.parquet"
    if not path.exists():
        return Tombstones()
    try:
        return tombstones_of(_read_table(path, ["agency", "record_token"]))
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise _damaged(folder) from error


def _read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    table: pd.DataFrame = pq.read_table(path, columns=columns).to_pandas()
    return table[columns]


def _earlier(folder: Path, sign: str) -> InputError:
    return InputError(
        f"The run in {folder} was made by an earlier version, as {sign}; link the files again."
    )


def _damaged(folder: Path) -> VerificationError:
    return VerificationError(f"The run in {folder} is damaged; link the files again.")
