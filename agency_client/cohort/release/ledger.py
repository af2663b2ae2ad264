"""The tables released from a cohort, kept beside its folder, for comparison with later ones.

``NAME.releases.jsonl`` beside the folder ``NAME`` has a line for each, oldest first: what the table
counts, which of its cells were shown, when, and the SHA-256 of the file that left. It holds no
count; they are counted anew. To lose it is to lose sight of what can be worked out: keep it with
the cohort.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from agency_client.cohort.release.spec import TableSpec
from agency_client.locking import locked
from agency_client.outputs import write_alone
from agency_client.textfiles import read_text
from linkage.errors import InputError
from linkage.protocol.scheme import STRICT


@dataclass(frozen=True, config=STRICT)
class Release:
    """A table that left: ``shown`` are the numbers of its cells that weren't withheld."""

    spec: TableSpec
    shown: tuple[Annotated[int, Field(ge=0)], ...]
    at: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    format: Literal["concord-release/1"] = "concord-release/1"


def ledger_path(cohort: Path) -> Path:
    """Return where the releases of a cohort's folder are kept."""
    own = cohort.resolve()
    return own.with_name(own.name + ".releases.jsonl")


def read_releases(cohort: Path) -> list[Release]:
    """Return what was released, oldest first; raise `InputError` where a line is damaged."""
    path = ledger_path(cohort)
    if not path.exists():
        return []
    releases = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            releases.append(TypeAdapter(Release).validate_json(line))
        except ValidationError:
            raise InputError(
                f"{path.name} is damaged in line {number}, so that nothing can be compared with "
                "what was released before; bring it back from a copy."
            ) from None
    return releases


@contextmanager
def releasing(cohort: Path) -> Iterator[None]:
    """Keep other checks from releasing a table of the cohort until the context ends.

    Two at once would each miss the other, in what they compare with and in what they put on record.
    """
    path = ledger_path(cohort)
    with ExitStack() as held:
        try:
            held.enter_context(locked(path.with_name(f".{path.name}.lock")))
        except OSError as error:
            raise InputError(
                f"Nothing can be put on record in the folder {path.parent} ({error.strerror}); "
                "name the cohort's folder, and make the one that it lies in writable for you."
            ) from None
        yield


def add_release(cohort: Path, spec: TableSpec, shown: list[int], sha256: str, at: datetime) -> None:
    """Add a table that leaves now, unless the same file of the same table is there already.

    Within `releasing`, which also has to hold what the table was compared with.
    """
    earlier = read_releases(cohort)
    new = Release(spec, tuple(shown), at.isoformat(timespec="seconds"), sha256)
    if any((own.spec, own.sha256) == (new.spec, new.sha256) for own in earlier):
        return
    lines = [json.dumps(asdict(own), sort_keys=True) for own in (*earlier, new)]
    write_alone(ledger_path(cohort), ("\n".join(lines) + "\n").encode())
