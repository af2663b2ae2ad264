"""What a matcher answers about the runs of an agreement, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid", strict=True)
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
RunState = Literal["queued", "running", "finished", "failed", "cancelled"]
_Count = Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, config=_STRICT)
class RunEntry:
    """A run: where it stands, and how far it has come.

    ``queued`` and ``ended`` are POSIX seconds, ``ended`` 0 before the end. ``stage`` says in words
    what is done, ``done`` of ``total`` how far; they tell sizes of uploads and nothing of what is
    found. ``reason`` says to the party that runs the matcher why a run has failed.
    """

    id: RunId
    round: Annotated[int, Field(ge=1, le=1_000_000)]
    state: RunState
    queued: _Count
    ended: _Count
    stage: Annotated[str, Field(max_length=32)]
    done: _Count
    total: _Count
    reason: Annotated[str, Field(max_length=2000)] = ""


@dataclass(frozen=True, config=_STRICT)
class RunList:
    """The runs of an agreement, the newest first."""

    runs: tuple[RunEntry, ...]
