"""What waits for an agency when a run has finished: that it has, and with which agencies.

The matcher answers with it. It says how many rows the agency itself had sent, and nothing that
depends on whether anybody else knows the same people; and it is padded, so that its size doesn't
either.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.canonical import canonical_json, parse_canonical
from linkage.protocol.scheme import Name
from linkage.protocol.signing import Digest

RESULT_BYTES = 4096
"""The size of a result; the names of very many agencies may need twice that, or three times."""
_TYPE = "concord.run-result/1"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=_STRICT)
class RunResult:
    """The result of one run for one agency.

    ``finished`` is UTC, whole seconds, as 2026-03-02T09:00:00Z; ``agencies`` took part, in order;
    ``rows`` is the number of rows of the agency's own upload.
    """

    agreement: Digest
    round: Annotated[int, Field(ge=1, lt=2**53)]
    run: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    finished: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    agencies: Annotated[tuple[Name, ...], Field(min_length=2)]
    rows: Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, config=_STRICT)
class PaddedResult(RunResult):
    """A result as it is answered: of one size."""

    type: Literal["concord.run-result/1"]
    padding: Annotated[str, Field(pattern="^ *$")]


_PADDED = TypeAdapter(PaddedResult)


def finished_at(at: datetime) -> str:
    """Return a moment, UTC, as a result has it."""
    return at.strftime(_TIME)


def result_bytes(result: RunResult) -> bytes:
    """Return the canonical JSON of a result, padded with spaces in its member ``padding``."""
    whole = {
        "agencies": list(result.agencies),
        "agreement": result.agreement,
        "finished": result.finished,
        "padding": "",
        "round": result.round,
        "rows": result.rows,
        "run": result.run,
        "type": _TYPE,
    }
    size = len(canonical_json(whole))
    whole["padding"] = " " * (RESULT_BYTES * math.ceil(size / RESULT_BYTES) - size)
    return canonical_json(whole)


def parse_result(content: bytes, source: str) -> RunResult:
    """Read a result, of which there is one form only; raises `VerificationError`."""
    parse_canonical(content, source)
    try:
        found = _PADDED.validate_json(content)
    except ValidationError:
        raise VerificationError(
            f"{source} is not the result of a run; ask for it again, and check that both sides "
            "have the same release."
        ) from None
    result = RunResult(
        found.agreement, found.round, found.run, found.finished, found.agencies, found.rows
    )
    if result_bytes(result) != content:
        raise VerificationError(f"{source} is not padded as a result is; ask for it again.")
    return result
